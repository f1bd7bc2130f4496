// Redis on this machine; REDIS_PORT sets its port. For PostgreSQL, give bullmqInbox a connection
// string, with `backend: createPostgresBackend` from bullmq.
export const connection = { host: "127.0.0.1", port: Number(process.env.REDIS_PORT ?? 6379) };
