// The lab: namespaces, processes that hold sockets in them, and independent witnesses of what is there.

export * from './holders.js'
export * from './netns.js'
export * from './witness.js'
