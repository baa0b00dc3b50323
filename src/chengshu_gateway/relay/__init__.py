"""Proxied interfaces (代理接口): a department's own HTTP interface, called on behalf of a granted application."""
