package hubspot

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrGaveUp marks a call that was given up because it would have waited longer
// than Options.MaxWait: HubSpot may do it later.
var ErrGaveUp = errors.New("gave up waiting")

// waiting adds up all the waiting of one call, and bounds it.
type waiting struct {
	most time.Duration
	sum  time.Duration
}

// wait lasts for d, or until wake delivers or is closed. Its error ends the
// call: that of ctx, or ErrGaveUp.
func (w *waiting) wait(ctx context.Context, d time.Duration, wake <-chan struct{}) error {
	if w.sum+d > w.most {
		return w.gaveUp()
	}
	return w.until(ctx, d, func(t <-chan time.Time) {
		select {
		case <-ctx.Done():
		case <-t:
		case <-wake:
		}
	})
}

// send delivers to a channel as soon as it takes it.
func (w *waiting) send(ctx context.Context, to chan<- struct{}) error {
	select {
	case to <- struct{}{}:
		return nil
	default:
	}
	sent := false
	err := w.until(ctx, w.most-w.sum, func(t <-chan time.Time) {
		select {
		case <-ctx.Done():
		case <-t:
		case to <- struct{}{}:
			sent = true
		}
	})
	switch {
	case sent:
		return nil
	case err != nil:
		return err
	}
	return w.gaveUp()
}

func (w *waiting) until(ctx context.Context, d time.Duration, wait func(<-chan time.Time)) error {
	began := time.Now()
	t := time.NewTimer(d)
	defer t.Stop()
	wait(t.C)
	w.sum += time.Since(began)
	return context.Cause(ctx)
}

func (w *waiting) gaveUp() error {
	return mark(fmt.Errorf("the limit of requests would make it wait for more than %s; it waited %s and can be resumed",
		w.most, w.sum.Round(time.Second)), ErrGaveUp)
}

// sleepContext waits for d or for the end of ctx.
func sleepContext(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// A marked error reads like the one it holds, and is also its mark.
type marked struct {
	error
	mark error
}

func mark(err, mark error) error { return &marked{err, mark} }

func (e *marked) Is(target error) bool { return target == e.mark }
func (e *marked) Unwrap() error        { return e.error }
