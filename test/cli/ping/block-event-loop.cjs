// Preloaded into netkit by NODE_OPTIONS: blocks the event loop 20 ms in every 50.
setInterval(() => {
  const until = process.hrtime.bigint() + 20_000_000n
  while (process.hrtime.bigint() < until);
}, 50).unref()
