// openvidu-browser's dependencies look at Node's `global`.
Object.assign(globalThis, { global: globalThis });
