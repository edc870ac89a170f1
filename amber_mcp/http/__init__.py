"""HTTP to the APIs: one client, proxies, TLS, retries, server-sent events, errors."""
