package extract

import (
	"io"
	"sync"
)

// An ahead makes blocks in a goroutine of its own, a few ahead of the one that is
// used, and uses them again: unpacking goes on while what was unpacked is looked at.
type ahead[T any] struct {
	full  chan aheadResult[T] // in order
	spent chan T              // to be used again
	stop  chan struct{}
	once  sync.Once
	done  sync.WaitGroup

	block T
	some  bool // block is in use
	err   error
}

type aheadResult[T any] struct {
	block T
	err   error
}

const aheadBlocks = 4

// newAhead calls next, with a block that is not used any more or none, until it gives
// an error. The last block comes with the error.
func newAhead[T any](next func(spent T) (T, error)) *ahead[T] {
	a := &ahead[T]{full: make(chan aheadResult[T], aheadBlocks), spent: make(chan T, aheadBlocks), stop: make(chan struct{})}
	for range aheadBlocks {
		var none T
		a.spent <- none
	}
	a.done.Go(func() { a.run(next) })
	return a
}

func (a *ahead[T]) run(next func(spent T) (T, error)) {
	for {
		select {
		case <-a.stop:
			return
		case spent := <-a.spent:
			block, err := next(spent)
			a.full <- aheadResult[T]{block, err} // there is room: no more blocks than that are about
			if err != nil {
				return
			}
		}
	}
}

// next waits for the next block, which is valid until the call after it. The error
// comes alone, after the block that came with it.
func (a *ahead[T]) next() (block T, err error) {
	if a.err != nil {
		return block, a.err
	}
	if a.some {
		a.spent <- a.block
	}
	result := <-a.full
	a.block, a.some, a.err = result.block, true, result.err
	return a.block, nil
}

// close waits until nothing is made any more.
func (a *ahead[T]) close() {
	a.once.Do(func() { close(a.stop) })
	a.done.Wait()
}

// A readAhead reads ahead, in blocks of aheadSize bytes.
type readAhead struct {
	blocks *ahead[[]byte]
	from   io.ReadCloser
	left   []byte
}

const aheadSize = 64 << 10

func newReadAhead(from io.ReadCloser) *readAhead {
	return &readAhead{from: from, blocks: newAhead(func(spent []byte) ([]byte, error) {
		if spent == nil {
			spent = make([]byte, aheadSize)
		}
		spent = spent[:cap(spent)]
		n, err := fill(from, spent)
		return spent[:n], err
	})}
}

// Read implements io.Reader.
func (r *readAhead) Read(p []byte) (n int, err error) {
	for len(r.left) == 0 {
		if r.left, err = r.blocks.next(); err != nil {
			return 0, err
		}
	}
	n = copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

// Close waits until nothing is read any more.
func (r *readAhead) Close() error {
	r.blocks.close()
	return r.from.Close()
}
