"""The sharing data plane: answers signed share calls from immutable files.

The control plane publishes *bundles* (who may see what) and *snapshots* (the shared rows); this
package reads them, answers calls and writes a durable chained audit. It imports nothing of
`chengshu`, so it keeps answering while the control plane is down. Formats and rules:
docs/gateway-protocol.md.
"""
