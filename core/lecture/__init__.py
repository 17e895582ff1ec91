"""The lecture's own mathematics: descent on a surface, the small network, a gradient's way through layers."""
