//! Big rooms: what media is told that participants want of them.

use openvidu::view;
use protocol::id::{PublicationId, SubscriberId};
use protocol::media::{MediaOperation, Selection};
use protocol::model::{ConnectionProperties, SessionProperties};
use protocol::rpc::ClientRequest;
use session::command::ConnectionUpdate;
use session::registry::NotFound;

use crate::call::{Call, ROOM, session_properties};

fn big_room() -> Call {
    let mut call = Call::new();
    call.registry.close_session(ROOM, call.now).expect("it is there");
    call.carry_out();
    call.create_session_with(SessionProperties {
        custom_session_id: ROOM.to_owned(),
        last_n: 4,
        loudest: 3,
        ..session_properties()
    });
    call
}

/// What was told since the last call.
fn told(call: &mut Call) -> Vec<(SubscriberId, Selection)> {
    let commands = std::mem::take(&mut call.worker.commands);
    let select = commands.into_iter().filter_map(|command| match command.op {
        MediaOperation::Select { subscriber, selection } => Some((subscriber, selection)),
        _ => None,
    });
    select.collect()
}

fn publication(call: &Call) -> Option<PublicationId> {
    call.worker.publications.keys().max().map(|id| PublicationId(*id))
}

fn update(call: &mut Call, name: &str, update: ConnectionUpdate) -> Result<Vec<String>, NotFound> {
    let connection = call.connection(name);
    let updated = call.registry.update_connection(ROOM, &connection, update, call.now)?;
    call.carry_out();
    Ok(view::connection(updated).pinned.iter().map(ToString::to_string).collect())
}

#[test]
fn nothing_is_said_where_everybody_gets_everything() {
    let mut call = Call::new();
    call.join("ann").join("bob").publish("ann").subscribe("bob", "ann");
    let stream = call.stream("ann");
    update(&mut call, "bob", ConnectionUpdate { pinned: Some(vec![stream.as_str().into()]), ..Default::default() })
        .expect("they are there");
    call.leave("bob").leave("ann");
    assert_eq!(told(&mut call), []);
}

#[test]
fn what_the_session_says_counts_unless_the_connection_says_otherwise() {
    let mut call = big_room();
    call.join("ann").join_with("bob", ConnectionProperties { last_n: Some(9), loudest: Some(0), ..Default::default() });
    call.join_with("cat", ConnectionProperties { last_n: Some(0), loudest: Some(0), ..Default::default() });
    // A recorder has everybody.
    call.join_by_secret("recorder", true, false);
    let all = Selection::default();
    let wanted: Vec<_> = told(&mut call).into_iter().map(|(_, selection)| selection).collect();
    assert_eq!(wanted, [Selection { last_n: 4, loudest: 3, ..all.clone() }, Selection { last_n: 9, ..all.clone() }]);
    update(&mut call, "bob", ConnectionUpdate { loudest: Some(2), ..Default::default() }).expect("bob is there");
    let wanted: Vec<_> = told(&mut call).into_iter().map(|(_, selection)| selection).collect();
    assert_eq!(wanted, [Selection { last_n: 9, loudest: 2, ..all }]);
}

#[test]
fn ones_own_stream_takes_no_place_and_who_leaves_wants_nothing() {
    let mut call = big_room();
    call.join("ann");
    let ann = told(&mut call)[0].0;
    call.publish("ann");
    let own = publication(&call);
    let mine = Selection { last_n: 4, loudest: 3, own, ..Selection::default() };
    assert_eq!(told(&mut call), [(ann, mine.clone())]);
    call.request("ann", ClientRequest::UnpublishVideo);
    assert_eq!(told(&mut call), [(ann, Selection { own: None, ..mine })]);
    call.publish("ann").leave("ann");
    assert_eq!(told(&mut call).last(), Some(&(ann, Selection::default())));
}

#[test]
fn what_is_pinned_stays_so_until_it_ends() {
    let mut call = big_room();
    call.join("ann").join("bob").publish("ann");
    let (stream, ann) = (call.stream("ann"), publication(&call).expect("there is one"));
    told(&mut call);
    let pin = |streams: &[&str]| ConnectionUpdate {
        pinned: Some(streams.iter().map(|stream| (*stream).into()).collect()),
        ..Default::default()
    };
    let unknown = format!("str_CAM_AAAA_{}", call.connection("ann"));
    assert_eq!(update(&mut call, "bob", pin(&[&stream, &unknown])), Err(NotFound::Stream));
    assert_eq!(told(&mut call), []);
    assert_eq!(update(&mut call, "bob", pin(&[&stream, &stream])), Ok(vec![stream.clone()]));
    let pinned = told(&mut call);
    assert_eq!((pinned.len(), &pinned[0].1.pinned), (1, &vec![ann]));
    // What is not said stays.
    assert_eq!(update(&mut call, "bob", ConnectionUpdate::default()), Ok(vec![stream]));
    assert_eq!(told(&mut call), []);
    call.request("ann", ClientRequest::UnpublishVideo);
    let told = told(&mut call);
    assert!(told.contains(&(pinned[0].0, Selection { pinned: vec![], ..pinned[0].1.clone() })), "{told:?}");
    assert_eq!(update(&mut call, "bob", ConnectionUpdate::default()), Ok(vec![]));
}
