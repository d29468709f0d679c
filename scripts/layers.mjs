#!/usr/bin/env node
// Keeps what stands on what: which crate may use which, and no circle of modules inside a crate. Part of `make lint`.
//
// Modules are looked at folder by folder: what stands side by side in one folder must not use each other in a circle, a
// folder counting as one. A module and what stands inside it are one thing. Tests do not count.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

// Pure: neither input nor output, nor a runtime for it.
const IO = ['tokio', 'axum', 'hyper', 'socket2', 'quinn-udp', 'rustix', 'object_store', 'tokio-rustls'];
const PURE = ['protocol', 'session', 'openvidu', 'sfu', 'turn', 'stun', 'payload', 'muxing', 'bandwidth', 'capacity', 'whip'];
// Crate → the only ones of ours that may use it.
const USERS = {
    server: ['madang', 'testbed'],
    settings: ['server', 'doctor', 'madang', 'testbed'],
    doctor: ['server', 'madang'],
    jobs: ['server'],
    journal: ['server'],
    history: ['server', 'traces'],
    traces: ['server'],
    loadtest: ['madang'],
    capacity: ['madang'],
    client: ['commands', 'doctor', 'loadtest', 'madang'],
    commands: ['madang'],
    openvidu: ['server', 'testbed'],
    whip: ['server', 'testbed'],
    // Ours is checked by clients that are not ours.
    str0m: ['sfu', 'loadtest'],
};
// Programs of their own: nobody is linked with them.
const ALONE = ['madang', 'transcoder'];
const FOR_TESTS = 'testbed';

// Circles that are still there, by crate and folder: not to be added to.
const KNOWN = new Set([
    'madang::installation',
    'muxing',
    'payload',
    'protocol::rest::request',
    'protocol::rpc',
    'session',
    'testbed',
]);

const problems = [];
const metadata = JSON.parse(
    execFileSync('cargo', ['metadata', '--format-version', '1', '--no-deps'], { maxBuffer: 1 << 28 }),
);

for (const crate of metadata.packages) {
    for (const { name, kind } of crate.dependencies) {
        if (kind === 'dev') continue;
        const forbidden =
            (PURE.includes(crate.name) && IO.includes(name)) ||
            (USERS[name] && !USERS[name].includes(crate.name)) ||
            ALONE.includes(name) ||
            name === FOR_TESTS;
        if (forbidden) problems.push(`crate ${crate.name} must not use ${name}`);
    }
    const library = crate.targets.find(({ kind }) => kind.includes('lib') || kind.includes('bin'));
    if (library) circles(crate.name, dirname(library.src_path));
}

if (problems.length > 0) {
    console.error(problems.join('\n'));
    process.exit(1);
}

function circles(crate, root) {
    const modules = new Map();
    for (const file of files(root)) {
        const path = relative(root, file).replace(/\.rs$/, '').split('/');
        if (['lib', 'main', 'mod'].includes(path.at(-1))) path.pop();
        if (path.at(-1) !== 'tests') modules.set(path.join('::'), withoutTests(readFileSync(file, 'utf8')));
    }
    // Folder → (child → the children that it uses).
    const folders = new Map();
    for (const [module, text] of modules) {
        for (const used of uses(module, text, modules)) {
            const [from, to] = [module.split('::'), used.split('::')];
            const depth = from.findIndex((part, index) => part !== to[index]);
            // One stands inside the other.
            if (depth < 0 || to.length <= depth || module === '' || used === '') continue;
            const folder = from.slice(0, depth).join('::');
            if (!folders.has(folder)) folders.set(folder, new Map());
            const children = folders.get(folder);
            if (!children.has(from[depth])) children.set(from[depth], new Set());
            children.get(from[depth]).add(to[depth]);
        }
    }
    for (const [folder, children] of folders) {
        const name = [crate, folder].filter(Boolean).join('::');
        const circle = KNOWN.has(name) ? undefined : findCircle(children);
        if (circle) problems.push(`circle in ${name}: ${circle.join(' → ')}`);
    }
}

function* files(folder) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) yield* files(path);
        else if (entry.name.endsWith('.rs')) yield path;
    }
}

// Test modules stand at the end of their file; comments name others freely.
function withoutTests(text) {
    return text.split(/#\[cfg\((?:all\()?test\b[^\]]*\]\s*mod tests \{/)[0].replace(/\/\/.*$/gm, '');
}

function uses(module, text, modules) {
    const found = new Set();
    const add = (path) => {
        const parts = path.split('::').filter((part) => part !== 'self');
        while (parts.length > 0 && !modules.has(parts.join('::'))) parts.pop();
        found.add(parts.join('::'));
    };
    for (const [, start, rest] of text.matchAll(/\b(crate|(?:super::)*super|self)::((?:\{[^;]*\}|[^;,(){}<>\s]+(?:\{[^;]*\})?))/g)) {
        const here = module === '' ? [] : module.split('::');
        const ups = start.startsWith('super') ? start.split('::').length : 0;
        const base = start === 'crate' ? [] : here.slice(0, here.length - ups);
        for (const path of expanded(rest)) add([...base, path].join('::'));
    }
    found.delete(module);
    return found;
}

// `a::{b, c::{d}}` → `a::b`, `a::c::d`.
function expanded(path) {
    const open = path.indexOf('{');
    if (open < 0) return [path.trim().split(/\s/)[0]];
    const [head, body] = [path.slice(0, open), path.slice(open + 1, path.lastIndexOf('}'))];
    const parts = [];
    let [depth, begin] = [0, 0];
    for (let index = 0; index <= body.length; index += 1) {
        const symbol = body[index];
        if (symbol === '{') depth += 1;
        if (symbol === '}') depth -= 1;
        if ((symbol === ',' && depth === 0) || index === body.length) {
            const part = body.slice(begin, index).trim();
            if (part !== '') parts.push(...expanded(part).map((inner) => head + inner));
            begin = index + 1;
        }
    }
    return parts;
}

function findCircle(graph) {
    const done = new Set();
    const walk = (node, path) => {
        if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
        if (done.has(node)) return undefined;
        for (const next of graph.get(node) ?? []) {
            const circle = walk(next, [...path, node]);
            if (circle) return circle;
        }
        done.add(node);
        return undefined;
    };
    for (const node of graph.keys()) {
        const circle = walk(node, []);
        if (circle) return circle;
    }
    return undefined;
}
