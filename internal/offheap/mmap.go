//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package offheap

import "syscall"

// Reserve takes n bytes of zeros. They take room once they are written to. The caller
// gives them back with Release.
func Reserve(n int) []byte {
	mem, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic("out of memory: " + err.Error()) // as Go's own heap does
	}
	return mem
}

// Release gives back what Reserve gave; nil is fine.
func Release(mem []byte) {
	if mem != nil {
		_ = syscall.Munmap(mem) // it came from Reserve
	}
}
