//go:build !torture

package main

import "github.com/ticketetl/ticketetl/etl"

// boundaries and boundary mark where a run passes from one durable state to the
// next. They do something only in the program that internal/torture builds.
func boundaries(steps etl.Steps) etl.Steps { return steps }

func boundary(string) {}
