"""Skerry: retrieval and question answering over gRPC.

The rooms of the package are the top-level folders of the repository (see ARCHITECTURE.md). Importing this
package loads none of the heavy libraries.
"""

__version__ = "0.1.0"
