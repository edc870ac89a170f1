"""Which machine an address names."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Whether `host` (a name or an address, without port) is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
