"""The gRPC servers: one service a file, thin between the wire and the domain."""
