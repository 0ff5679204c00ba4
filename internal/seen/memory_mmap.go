//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package seen

import "syscall"

// reserve takes n bytes of zeros from the system and not from Go's heap, which
// would let as much garbage pile up as it has in use.
func reserve(n int) []byte {
	mem, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic("out of memory for the keys of the rows: " + err.Error()) // as Go's own heap does
	}
	return mem
}

func release(mem []byte) {
	if mem != nil {
		_ = syscall.Munmap(mem) // it came from reserve
	}
}
