//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package offheap

// Reserve takes n bytes of zeros.
func Reserve(n int) []byte { return make([]byte, n) }

// Release gives back what Reserve gave; nil is fine.
func Release([]byte) {} // the collector finds it
