// Package offheap gives memory from the system and not from Go's heap, which would
// let as much garbage pile up as it has in use. It is for much that lives long.
package offheap
