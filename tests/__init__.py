"""The tests. They run on real parts: brokers, edges, workers, upstreams, browsers."""
