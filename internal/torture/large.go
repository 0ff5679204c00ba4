package main

import (
	"context"
	"errors"
	"io"
)

func measure(ctx context.Context, bin string, rows int64, key bool, w io.Writer) error {
	return errors.New("x")
}
