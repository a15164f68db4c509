/** What to do about an address that cannot be listened on. */
export function listenTrouble(error: NodeJS.ErrnoException, host: string, port: number): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `${host}:${port} is in use by another process (see: ss -ltnp 'sport = :${port}'); stop it or choose another endpoint`
    case 'EACCES':
      return `no permission to listen on ${host}:${port}; ports below 1024 need CAP_NET_BIND_SERVICE`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is not an address of this machine`
    default:
      return `cannot listen on ${host}:${port}: ${error.message}`
  }
}
