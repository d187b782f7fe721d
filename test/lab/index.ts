// The lab: namespaces, routers and links between them, processes that hold sockets in them, and independent witnesses.

export * from './describe.js'
export * from './diamond.js'
export * from './holders.js'
export * from './netns.js'
export * from './routers.js'
export * from './tcp-scenes.js'
export * from './tun-network.js'
export * from './tun-responder.js'
export * from './witness.js'
