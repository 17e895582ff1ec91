"""The engine: stacks of networks trained at once, the batches they see, and where chunks of them run."""
