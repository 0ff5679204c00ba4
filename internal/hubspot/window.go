package hubspot

import (
	"math"
	"sort"
	"time"
)

// A window decides when one more attempt fits into the account's limit of Max
// requests within an interval. It is a plain calculation: it neither locks nor
// sleeps nor asks for the time.
//
// HubSpot counts a request at a moment that we do not see: somewhere between
// sending it and having its answer, the latency. An attempt that holds a place
// from when it is sent until one interval after its answer is safe wherever that
// moment is, and Max places are held at most. Two attempts of which the later one
// takes over the place of the earlier one are then counted
//
//	interval + part of the latency after the count + part of the next one before it
//
// apart, which is more than need be. So a place is given up earlier by nearly the
// shortest latency of late. That is safe if the parts are always the same ones;
// if they vary, it may now and then be too early, which does no harm while some
// attempts are under way: those that are not counted yet make up for it. While
// there are few, a place is kept for the whole interval. When the answers show
// that requests are counted as they come in (see counts), a place is given up one
// interval after sending. Nothing but differences of our own clock goes into this,
// so the clock of HubSpot does not matter; and what holds for every span of one
// interval holds for fixed windows too.
//
// Remaining, in each answer, tells what others spend: what is missing from it
// and is not ours is theirs, and so many places fewer are given out.
//
// A reserve is our own business, which no server counts: of the rest, as many are
// sent within any interval as it is.
type window struct {
	max      int           // in force; 0: no limit
	interval time.Duration // in force
	told     time.Time     // when the attempt was sent that learned both
	reserve  float64       // share of max left to others

	sent, done times // of our own attempts
	waiting    int   // admitted, not sent yet
	flying     int   // sent, not answered yet

	latency shortest
	mean    time.Duration // of the latency
	counts  [3]guess      // of others, if counted when sent, when answered, or in between
	margin  float64       // places kept free since an answer of 429
	refused time.Time

	fixed  bool       // the window starts anew at once, instead of rolling
	began  time.Time  // at the latest, for a fixed window
	after  time.Time  // it began after this
	stale  time.Time  // sending of the newest attempt known to be of a window that had not just begun
	fresh  bool       // the newest answer was in a window that had just begun
	first  time.Time  // sending of the first attempt
	newest time.Time  // sending of the newest attempt that told what is left
	left   int        // Remaining, by that
	theirs [2]float64 // most that others have spent in the last fixed window, and in this one
}

// When an attempt is counted.
const (
	whenSent = iota
	whenAnswered
	inBetween
)

// A guess is what others have spent, as one answer shows it.
type guess struct {
	others float64 // may be below 0: a window that starts anew
	at     time.Time
	rough  float64 // mean change between answers: noise, if the guess is wrong
	n      int
}

const (
	maxStep   = 10.0             // of a guess, that counts towards its roughness
	smoothing = 1.0 / 32         // of the roughness
	grain     = time.Millisecond // of what a server may round
	few       = 4                // attempts under way, that do not make up for one counted late
	sure      = 3.0              // standard deviations kept free for what is not known
	reserved  = 2.0              // the same where a reserve keeps places free most of the time
	dear      = 2.0              // places more that are kept free after a refusal, while others spend
	noisy     = 3.0              // variance of a noisy guess
	kept      = 30 * time.Second // how long times are kept beyond an interval
)

// admit takes a place, or says how long to wait until it is worth asking again.
func (w *window) admit(now time.Time) (wait time.Duration) {
	if w.max <= 0 {
		w.waiting++
		return 0
	}
	w.prune(now)
	if wait = w.untilFree(now); wait > 0 {
		return wait
	}
	if wait = w.untilTold(now); wait > 0 {
		return wait
	}
	w.waiting++
	return 0
}

// untilFree is 0 when fewer places are held than there are, of the limit and of our
// own part of it.
func (w *window) untilFree(now time.Time) time.Duration {
	own := max(1, int(float64(w.max)*(1-w.reserve)+0.5))
	if wait := w.untilHeld(now, &w.sent, w.waiting, own, w.interval+grain); wait > 0 {
		return wait
	}
	if w.early(now) {
		return w.untilHeld(now, &w.sent, w.waiting, w.places(now), w.keepSent())
	}
	return w.untilHeld(now, &w.done, w.waiting+w.flying, w.places(now), w.keepAnswered())
}

// untilHeld is 0 when fewer than places are held: by those that are held in any
// case, and by each time in the log for so long.
func (w *window) untilHeld(now time.Time, log *times, held, places int, keep time.Duration) time.Duration {
	since := now.Add(-keep)
	held += log.after(since)
	if held < places {
		return 0
	}
	// The oldest times go first; what is under way goes when it is answered.
	first := held - places
	if n := log.after(since); first >= n {
		return w.poll()
	}
	return min(max(log.nth(since, first).Add(keep).Sub(now), grain), w.poll())
}

// poll bounds a wait, since guesses age.
func (w *window) poll() time.Duration { return max(w.interval/40, grain) }

// keepAnswered is how long a place is held after the answer.
func (w *window) keepAnswered() time.Duration {
	if w.flying < few && !w.late() {
		return w.interval + grain
	}
	return w.interval - w.latency.get()*9/10 + grain
}

// keepSent is how long a place is held after sending, if that is when it counts.
func (w *window) keepSent() time.Duration { return w.interval + w.interval/200 + grain }

// places are how many attempts of ours may count at once.
func (w *window) places(now time.Time) int {
	places := float64(w.max) - w.slack(now)
	if !w.shared(now) { // else untilTold leaves room for others
		places -= w.others(now)
	}
	return max(1, int(places+0.5))
}

// slack are places kept free after a refusal. They come back slowly, so that
// what the guesses do not see costs a refusal now and then and no more.
func (w *window) slack(now time.Time) float64 {
	healed := now.Sub(w.refused).Seconds() / (6 * w.interval.Seconds())
	return max(0, w.margin-healed)
}

// others is what others have spent and may spend unseen; it is 0 if that may be
// noise. What was counted leaves the window within an interval, so that it wears
// off when no answer comes after it.
func (w *window) others(now time.Time) float64 {
	g := w.guess()
	if g.n == 0 || g.others <= 0.5+5*g.noise() {
		return 0
	}
	age := now.Sub(g.at)
	gap := age
	if g != &w.counts[whenSent] {
		gap += w.mean
	}
	n := g.others + w.sure()*math.Sqrt(g.others*w.intervals(gap)+noisy*g.noise())
	return n * min(1, max(0, 2-w.intervals(age)))
}

// sure is how many standard deviations of what is not known are kept free.
func (w *window) sure() float64 {
	if w.reserve > 0 {
		return reserved
	}
	return sure
}

// intervals is d as a share of the interval.
func (w *window) intervals(d time.Duration) float64 { return d.Seconds() / w.interval.Seconds() }

// guess is the best one: of the true one only the work of others makes noise.
func (w *window) guess() *guess {
	best := &w.counts[whenSent]
	for i := range w.counts {
		if w.counts[i].rough < best.rough {
			best = &w.counts[i]
		}
	}
	return best
}

// noise is how far a guess is rougher than others make it, from 0 to 1.
func (g *guess) noise() float64 { return min(1, max(0, g.rough-1)) }

// early says that answers have shown, beyond doubt, that requests count when
// they come in.
func (w *window) early(now time.Time) bool {
	return w.counts[whenSent].shown(&w.counts[whenAnswered]) && now.Sub(w.refused) > 3*w.interval
}

// late says the same of requests that count when they are answered.
func (w *window) late() bool { return w.counts[whenAnswered].shown(&w.counts[whenSent]) }

// shown says that g is true, and not the other one.
func (g *guess) shown(other *guess) bool {
	return g.n >= 100 && g.rough < 1 && other.rough > 2*g.rough
}

// reset is when a fixed window ends, with some time to spare.
func (w *window) reset() time.Time { return w.began.Add(w.interval + w.interval/200) }

// shared says that a fixed window is under way, and that others spend of it.
func (w *window) shared(now time.Time) bool {
	return w.fixed && now.Before(w.reset()) && max(w.theirs[0], w.theirs[1]) > 0
}

// opening says that none of our attempts can have left the window yet. What is left
// is then known best from the newest answer, less all that was counted since; the
// guesses are rough, since very much is under way.
func (w *window) opening(now time.Time) bool {
	return !w.newest.IsZero() && now.Sub(w.first) < w.interval
}

// untilTold is 0 unless what the newest answer said is left is spent: of a fixed
// window that others spend of, since alone we cannot have spent it, and of the
// first one. All that may have been counted since that answer is taken for counted.
func (w *window) untilTold(now time.Time) time.Duration {
	gap, most := w.intervals(now.Sub(w.newest)+w.mean), w.poll()
	switch {
	case w.shared(now):
		most = min(w.reset().Sub(now), most)
	case w.opening(now):
		gap /= max(w.intervals(now.Sub(w.first)), 0.1) // theirs is what they have spent since
	default:
		return 0
	}
	ours := w.waiting + w.flying + w.done.after(w.newest) - 1
	unseen := max(w.theirs[0], w.theirs[1]) * gap
	if float64(ours) < float64(w.left)-unseen-sure*math.Sqrt(unseen)-w.slack(now) {
		return 0
	}
	return most
}

// leave gives back a place whose attempt was not sent.
func (w *window) leave() { w.waiting-- }

// send notes that an admitted attempt goes out.
func (w *window) send(now time.Time) {
	w.waiting--
	w.flying++
	if w.first.IsZero() {
		w.first = now
	}
	w.sent.add(now)
}

// answer notes the end of an attempt; answered is false if nothing came back.
func (w *window) answer(sent, now time.Time, answered bool) {
	w.flying--
	w.done.add(now)
	if answered {
		took := now.Sub(sent)
		if w.latency.add(took, now, w.interval); w.mean == 0 {
			w.mean = took
		}
		w.mean += (took - w.mean) / 32
	}
}

// learn takes in Remaining, of a limit, from an attempt that answer has noted.
func (w *window) learn(sent, now time.Time, limit, left int) {
	if w.max <= 0 || now.Sub(sent) > kept {
		return
	}
	spent := limit - min(left, limit)
	if w.learnReset(sent, now, float64(spent)) || sent.After(w.newest) && sent.After(w.began) {
		w.newest, w.left = sent, w.max-spent
	}
	in := float64(spent - w.sent.between(sent.Add(-w.interval), sent))
	out := float64(spent - w.done.between(now.Add(-w.interval), now))
	w.counts[whenSent].learn(sent, in)
	w.counts[whenAnswered].learn(now, out)
	w.counts[inBetween].learn(sent.Add(now.Sub(sent)/2), (in+out)/2)
	w.learnTheirs(sent, now, spent)
}

// learnTheirs finds out what others have spent in a fixed window.
func (w *window) learnTheirs(sent, now time.Time, spent int) {
	theirs := 0.0
	switch {
	case !w.fixed:
		theirs = w.others(now)
	case sent.After(w.began) && spent > w.done.after(w.after)+w.flying: // more than can be ours
		theirs = float64(spent) - float64(w.done.after(w.after)+w.sent.after(w.after))/2
	}
	w.theirs[1] = max(w.theirs[1], theirs)
}

func (g *guess) learn(at time.Time, others float64) {
	if g.n > 0 {
		step := min(maxStep, math.Abs(others-g.others))
		g.rough += (step - g.rough) * max(smoothing, 1/float64(g.n))
	}
	g.n++
	if g.n > 1 && at.Before(g.at) {
		return // there is newer knowledge
	}
	g.others, g.at = others, at
}

// learnReset finds out whether the window is a fixed one: then far less is spent
// than is surely ours within one interval. It says whether one has just begun.
func (w *window) learnReset(sent, now time.Time, spent float64) (began bool) {
	ours := float64(w.done.upTo(sent) - w.sent.upTo(now.Add(-w.interval)))
	switch {
	case spent > ours*3/4:
		w.fresh, w.stale = false, sent
	case spent < ours/4 && ours >= float64(w.max)/4 && !w.fresh:
		w.fresh = true
		if began = now.Sub(w.began) > w.interval*3/4; began {
			w.fixed, w.began, w.after = true, now, w.stale
			w.theirs[0], w.theirs[1] = w.theirs[1], 0
		}
	}
	return began
}

// refuse takes in an answer of 429: some places more are kept free. Attempts
// that were under way together are refused together, which counts once.
func (w *window) refuse(sent, now time.Time) (first bool) {
	if w.max <= 0 || !sent.After(w.refused) {
		return false
	}
	more := 1.0
	if w.others(now) > 0 {
		more = dear
	}
	w.margin = min(w.slack(now)+more, float64(w.max)/4)
	w.refused = now
	return true
}

// limit puts a limit in force, which the answer to an attempt sent then has told;
// a max of 0 lifts it. What others have spent stays spent.
func (w *window) limit(sent time.Time, max int, interval time.Duration) {
	if sent.Before(w.told) {
		return // there is newer knowledge
	}
	if interval != w.interval {
		w.counts, w.fixed, w.fresh, w.theirs = [3]guess{}, false, false, [2]float64{}
	}
	w.max, w.interval, w.told = max, interval, sent
}

func (w *window) prune(now time.Time) {
	before := now.Add(-w.interval - kept)
	w.sent.prune(before)
	w.done.prune(before)
}

// times is a list of times in order. Those that were pruned still count.
type times struct {
	list   []time.Time
	pruned int
}

// add appends t; a clock that stood still or went back is no matter.
func (l *times) add(t time.Time) {
	if n := len(l.list); n > 0 && t.Before(l.list[n-1]) {
		t = l.list[n-1]
	}
	l.list = append(l.list, t)
}

// index is that of the first time after t.
func (l *times) index(t time.Time) int {
	return sort.Search(len(l.list), func(i int) bool { return l.list[i].After(t) })
}

func (l *times) upTo(t time.Time) int { return l.pruned + l.index(t) }

func (l *times) after(t time.Time) int { return len(l.list) - l.index(t) }

// between counts those after from and up to to.
func (l *times) between(from, to time.Time) int { return l.index(to) - l.index(from) }

// nth is the time with number n, from 0, of those after t.
func (l *times) nth(t time.Time, n int) time.Time { return l.list[l.index(t)+n] }

// prune forgets what is old, when that is half of the list.
func (l *times) prune(before time.Time) {
	if len(l.list) < 64 || l.list[len(l.list)/2].After(before) {
		return
	}
	n := l.index(before)
	l.pruned += n
	l.list = append(l.list[:0], l.list[n:]...)
}

// shortest is the smallest of the last one to two intervals.
type shortest struct {
	this, last time.Duration // 0: none
	until      time.Time
}

func (s *shortest) add(d time.Duration, now time.Time, interval time.Duration) {
	if now.After(s.until) {
		s.last, s.this = s.this, 0
		s.until = now.Add(interval)
	}
	if d = max(d, 1); s.this == 0 || d < s.this {
		s.this = d
	}
}

func (s *shortest) get() time.Duration {
	switch {
	case s.this == 0, s.last == 0:
		return max(s.this, s.last)
	}
	return min(s.this, s.last)
}
