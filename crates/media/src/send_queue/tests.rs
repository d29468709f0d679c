use sfu::Protocol;

use super::*;

const SOURCE: &str = "127.0.0.1:40000";

fn queue() -> SendQueue {
    SendQueue::new(64)
}

/// A train of the SFU.
fn train(destination: &str, contents: Vec<u8>, segment: usize) -> Transmit {
    let (source, destination) = (SOURCE.parse().unwrap(), destination.parse().unwrap());
    Transmit { protocol: Protocol::Udp, source, destination, contents, segment }
}

/// One datagram, or several of 1000 bytes.
fn push(queue: &mut SendQueue, contents: &[u8]) {
    queue.push(train("192.0.2.1:9", contents.to_vec(), 1000));
}

/// A datagram in two pieces.
fn push_pieces(queue: &mut SendQueue, destination: &str, length: usize) {
    static CONTENTS: [u8; 2000] = [7; 2000];
    let (head, rest) = CONTENTS[..length].split_at(length / 3);
    queue.push_pieces("127.0.0.1".parse().unwrap(), destination.parse().unwrap(), [head, rest, &[]]);
}

fn full(_: &Run<'_>) -> io::Result<usize> {
    Err(io::ErrorKind::WouldBlock.into())
}

/// Takes everything; the calls, each with its segment and the lengths of its trains.
fn calls(queue: &mut SendQueue) -> Vec<(Option<usize>, Vec<usize>)> {
    let mut calls = vec![];
    let lost = queue.flush(|run| {
        calls.push((run.segment, run.trains().map(|(_, contents)| contents.len()).collect()));
        Ok(run.count)
    });
    assert_eq!(lost, None);
    assert_eq!((queue.bytes, queue.waiting.len(), queue.sent), (0, 0, 0));
    calls
}

/// Whether a datagram of `next` bytes leaves as part of a train of these.
fn joins(train: &[usize], next: (&str, usize), longest: usize) -> bool {
    let mut queue = SendQueue::new(longest);
    for length in train {
        push_pieces(&mut queue, "127.0.0.1:1", *length);
    }
    let trains = queue.waiting.len();
    push_pieces(&mut queue, next.0, next.1);
    queue.waiting.len() == trains
}

#[test]
fn a_train_takes_equal_datagrams_and_a_shorter_last_one() {
    assert!(joins(&[1000], ("127.0.0.1:1", 1000), 64));
    assert!(joins(&[1000, 1000], ("127.0.0.1:1", 10), 64));
    assert!(!joins(&[1000, 10], ("127.0.0.1:1", 10), 64), "it ended with the shorter one");
    assert!(!joins(&[1000], ("127.0.0.1:1", 1001), 64));
}

#[test]
fn a_train_has_one_destination_and_limits() {
    assert!(!joins(&[1000], ("127.0.0.1:2", 1000), 64));
    assert!(!joins(&[1000], ("127.0.0.1:1", 1000), 1));
    assert!(!joins(&[1000; 3], ("127.0.0.1:1", 1000), 3));
    assert!(joins(&[1200; 53], ("127.0.0.1:1", 1200), 64));
    assert!(!joins(&[1200; 54], ("127.0.0.1:1", 1200), 64));
}

#[test]
fn one_call_takes_all_trains_of_one_length_and_whatever_is_not_longer() {
    let mut queue = queue();
    for client in 1..=3 {
        queue.push(train(&format!("192.0.2.{client}:1"), vec![1; 3500], 1000));
        queue.push(train(&format!("192.0.2.{client}:2"), vec![1; 80], 80));
    }
    assert_eq!(calls(&mut queue), [(Some(1000), vec![3500, 80, 3500, 80, 3500, 80])]);
    // A longer datagram would be cut, and a train of others would be cut elsewhere.
    let datagrams: [(usize, usize); 6] = [(80, 80), (1200, 1200), (3500, 1000), (900, 900), (3500, 1100), (20, 20)];
    for (client, (length, segment)) in datagrams.into_iter().enumerate() {
        queue.push(train(&format!("192.0.2.{client}:1"), vec![1; length], segment));
    }
    let expected = [(None, vec![80, 1200]), (Some(1000), vec![3500, 900]), (Some(1100), vec![3500, 20])];
    assert_eq!(calls(&mut queue), expected);
    assert_eq!(queue.spent().count(), 12, "all buffers go back");
}

#[test]
fn one_call_takes_only_so_many_and_only_what_leaves_from_one_address() {
    let mut queue = queue();
    for client in 0..BATCH + 6 {
        queue.push(train(&format!("192.0.2.1:{}", 1000 + client), vec![1; 80], 80));
    }
    queue.push(Transmit { source: "127.0.0.2:40000".parse().unwrap(), ..train("192.0.2.1:9", vec![1; 70], 70) });
    assert_eq!(calls(&mut queue), [(None, vec![80; BATCH]), (None, vec![80; 6]), (None, vec![70])]);
}

#[test]
fn a_train_that_is_too_long_for_the_kernel_leaves_as_several() {
    let mut queue = SendQueue::new(4);
    push(&mut queue, &[1; 9500]);
    assert_eq!(calls(&mut queue), [(Some(1000), vec![4000, 4000, 1500])]);
    let mut queue = SendQueue::new(1);
    push(&mut queue, &[1; 2500]);
    assert_eq!(calls(&mut queue), [(None, vec![1000, 1000, 500])], "a kernel without trains");
    let mut queue = SendQueue::new(64);
    push(&mut queue, &[1; 70_000]);
    assert_eq!(calls(&mut queue), [(Some(1000), vec![64_000, 6000])]);
    push(&mut queue, &[]);
    push_pieces(&mut queue, "192.0.2.1:9", 0);
    assert_eq!(calls(&mut queue), [], "nothing is no datagram");
}

#[test]
fn what_one_call_did_not_take_leaves_by_the_next_in_order() {
    let mut queue = SendQueue::new(2);
    for number in 0..5 {
        push(&mut queue, &[number; 4500]);
    }
    let mut sent = vec![];
    let lost = queue.flush(|run| {
        let part = run.count.min(2);
        sent.extend(run.trains().take(part).map(|(_, contents)| (contents[0], contents.len())));
        Ok(part)
    });
    assert_eq!(lost, None);
    let expected: Vec<_> = (0..5).flat_map(|number| [2000, 2000, 500].map(|length| (number, length))).collect();
    assert_eq!(sent, expected);
}

#[test]
fn a_full_socket_delays_what_goes_out_keeps_its_order_and_bounds_it() {
    let mut queue = queue();
    let mut sent = vec![];
    push(&mut queue, &[0]);
    queue.flush(|run| {
        sent.extend(run.trains().map(|(_, contents)| contents[0]));
        Ok(run.count)
    });
    assert_eq!((sent.len(), queue.waiting.is_empty()), (1, true));
    let contents: Vec<_> = (0..40).map(|number| vec![number; 64_000]).collect();
    push(&mut queue, &contents[0]);
    assert_eq!(queue.flush(full), None);
    for contents in &contents[1..] {
        push(&mut queue, contents);
        assert!(!queue.is_due(), "there is no use in trying");
    }
    let room = ROOM / 64_000;
    let lost = 40 - room as u64;
    assert_eq!((queue.waiting.len(), queue.lost), (room, lost), "it never waits and forgets the rest");
    assert_eq!(queue.flush(full), None);
    assert!(queue.is_blocked());
    // There is room for some; what comes now still stands behind what waits.
    let mut order = vec![];
    let mut places = 3;
    let mut some = |run: &Run<'_>| {
        let count = run.count.min(places);
        places -= count;
        order.extend(run.trains().take(count).map(|(_, contents)| (contents[0], run.segment)));
        if count == 0 { full(run) } else { Ok(count) }
    };
    assert_eq!(queue.flush(&mut some), None);
    push(&mut queue, &[99]);
    assert_eq!(queue.flush(&mut some), None);
    assert_eq!(order, [(0, Some(1000)), (1, Some(1000)), (2, Some(1000))]);
    let mut last = 0;
    let told = queue.flush(|run| {
        last = run.trains().last().unwrap().1[0];
        Ok(run.count)
    });
    assert_eq!((last, told), (99, Some(lost)));
    assert_eq!((queue.bytes, queue.waiting.is_empty(), queue.flush(full)), (0, true, None));
    assert_eq!(queue.spent().count(), 42, "lost or not, their buffers go back");
}

#[test]
fn what_was_gathered_before_the_socket_was_full_is_bounded_too() {
    let mut queue = queue();
    for number in 0..40 {
        queue.push(train(&format!("192.0.2.1:{}", 1000 + u16::from(number)), vec![number; 64_000], 1000));
    }
    assert!(queue.is_due());
    assert_eq!(queue.flush(full), None);
    let room = ROOM / 64_000;
    assert_eq!((queue.waiting.len(), queue.bytes, queue.lost), (room, room * 64_000, 40 - room as u64));
}

#[test]
fn what_the_network_refuses_is_lost_and_holds_up_nothing() {
    let mut queue = queue();
    for number in 1..=3 {
        queue.push(train(&format!("192.0.2.{number}:9"), vec![number; 10], 10));
    }
    let mut sent = vec![];
    let lost = queue.flush(|run| {
        let first = run.trains().next().unwrap().1[0];
        if first == 2 {
            return Err(io::Error::other("network is unreachable"));
        }
        sent.push(first);
        Ok(1)
    });
    assert_eq!((lost, sent), (None, vec![1, 3]));
    assert!(queue.waiting.is_empty());
}

/// What Linux says to a train on a way that cannot take one; and to other things.
fn invalid() -> io::Result<usize> {
    Err(io::Error::from_raw_os_error(22))
}

#[test]
fn a_network_that_takes_no_trains_gets_every_datagram_by_itself() {
    let mut queue = queue();
    for number in 1..=2 {
        queue.push(train(&format!("192.0.2.{number}:9"), vec![number; 2500], 1000));
    }
    let mut sent = vec![];
    let mut refused = 0;
    queue.flush(|run| {
        if run.segment.is_some() {
            refused += 1;
            return invalid();
        }
        sent.extend(run.trains().map(|(_, contents)| (contents[0], contents.len())));
        Ok(run.count)
    });
    assert_eq!(refused, 1, "it is tried once");
    assert_eq!(sent, [(1, 1000), (1, 1000), (1, 500), (2, 1000), (2, 1000), (2, 500)]);
    push_pieces(&mut queue, "192.0.2.1:9", 1000);
    push_pieces(&mut queue, "192.0.2.1:9", 1000);
    assert_eq!(calls(&mut queue), [(None, vec![1000, 1000])], "nor are any made from now on");
}

#[test]
fn trains_are_not_given_up_for_a_destination_that_takes_nothing() {
    let mut queue = queue();
    for number in 1..=3 {
        queue.push(train(&format!("192.0.2.{number}:9"), vec![number; 2500], 1000));
    }
    let mut sent = vec![];
    queue.flush(|run| {
        let (_, contents) = run.trains().next().unwrap();
        if contents[0] == 2 {
            return invalid();
        }
        sent.push((contents[0], contents.len()));
        Ok(1)
    });
    assert_eq!(sent, [(1, 2500), (3, 2500)]);
}
