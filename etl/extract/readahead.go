package extract

import (
	"io"
	"sync"
)

const (
	aheadBlock  = 64 << 10 // bytes that are handed over together
	aheadBlocks = 4
)

// A readAhead reads in a goroutine of its own, up to aheadBlocks ahead, so that
// unpacking goes on while what was unpacked is looked at.
type readAhead struct {
	full  chan aheadResult // in order; closed after the error
	spent chan []byte      // blocks to be used again
	stop  chan struct{}
	done  sync.WaitGroup
	once  sync.Once
	from  io.ReadCloser

	block, left []byte // the block that is given out, and what is left of it
	err         error
}

type aheadResult struct {
	block []byte
	err   error
}

func newReadAhead(from io.ReadCloser) *readAhead {
	a := &readAhead{from: from, full: make(chan aheadResult, aheadBlocks), spent: make(chan []byte, aheadBlocks), stop: make(chan struct{})}
	for range aheadBlocks {
		a.spent <- nil
	}
	a.done.Go(a.run)
	return a
}

func (a *readAhead) run() {
	for {
		select {
		case <-a.stop:
			return
		case block := <-a.spent:
			if block == nil {
				block = make([]byte, aheadBlock)
			}
			n, err := fill(a.from, block)
			a.full <- aheadResult{block[:n], err} // there is room: no more blocks than that are about
			if err != nil {
				return
			}
		}
	}
}

// Read implements io.Reader.
func (a *readAhead) Read(p []byte) (int, error) {
	if len(a.left) == 0 && a.err == nil {
		if a.block != nil {
			a.spent <- a.block[:cap(a.block)]
		}
		next := <-a.full
		a.block, a.left, a.err = next.block, next.block, next.err
	}
	n := copy(p, a.left)
	a.left = a.left[n:]
	if n == 0 && len(p) > 0 {
		return 0, a.err
	}
	return n, nil
}

// Close waits until nothing is read any more.
func (a *readAhead) Close() error {
	a.once.Do(func() { close(a.stop) })
	a.done.Wait()
	return a.from.Close()
}
