//go:build !linux

package main

func prepareInside() bool { return false }
