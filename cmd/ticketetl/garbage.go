package main

import "runtime/debug"

// usualGarbage and moreGarbage are how much garbage may lie about before it is
// collected, in per cent of what is in use.
const usualGarbage, moreGarbage = 100, 200

// allowGarbage lets more garbage lie about, until usual is called. While tickets are
// exported, little is in use and much is thrown away: twice the garbage takes some ten
// MiB more and saves an eighth of the processor's time. An import, which has more in
// use, would take 25 MiB more and save a thirtieth. If GOGC is set, it is left to that.
func allowGarbage() (usual func()) {
	was := debug.SetGCPercent(moreGarbage)
	if was != usualGarbage {
		debug.SetGCPercent(was)
		return func() {}
	}
	return func() { debug.SetGCPercent(usualGarbage) }
}
