package stage

import (
	"cmp"
	"slices"
	"time"
)

// aStart is what a lab takes to start: what the last one did, and until one has,
// a second. It is called with mu held, as all of this file is.
func (s *Stage) aStart() time.Duration { return cmp.Or(s.startTakes, time.Second) }

// worthLab reports whether one more lab of some hosts is worth its start, or the
// first of several: whether all lessons, those of other hosts too, would be over
// sooner by more than these take from those that play. Labs that start side by
// side share the processors.
func (s *Stage) worthLab(key string) bool {
	if s.labs(key) == 0 {
		return true
	}
	var ready []time.Duration
	for range min(s.inLine(key), 2*mostStarting) {
		ready = append(ready, s.aStart()*time.Duration(1+len(ready)/max(1, mostStarting)))
		price := s.aStart() / time.Duration(max(1, mostStarting)) * time.Duration(len(ready))
		if s.gain(key, ready...) > price {
			return true
		}
	}
	return false
}

// worthKeeping reports whether the lab of a lesson that is over is worth another
// one, and not to end now. Those that are kept to the last end all together, and
// an engine then has them wait for each other, for about a quarter of what the end
// of one takes: it takes networks apart one after the other.
func (s *Stage) worthKeeping(r *request) bool {
	was := s.playing
	defer func() { s.playing = was }()
	s.playing = slices.DeleteFunc(slices.Clone(was), func(p *request) bool { return p == r })
	return !r.last && (!s.Frugal || s.labs(r.key) == 0 || s.gain(r.key, 0) > s.endTakes/4)
}

// gain returns how much sooner all lessons are over with more labs of some hosts,
// which are ready after some time.
func (s *Stage) gain(key string, ready ...time.Duration) time.Duration {
	others := s.others(key)
	return max(s.ends(key), others) - max(s.ends(key, ready...), others)
}

// others returns after which time all lessons of other hosts are over.
func (s *Stage) others(key string) (latest time.Duration) {
	seen := map[string]bool{key: true}
	for _, r := range slices.Concat(s.playing, s.waiting) {
		if !seen[r.key] {
			seen[r.key] = true
			latest = max(latest, s.ends(r.key, slices.Repeat([]time.Duration{s.aStart()}, max(0, 1-s.labs(r.key)))...))
		}
	}
	return latest
}

// labs counts the labs of some hosts that are in use, or start.
func (s *Stage) labs(key string) (n int) {
	for _, r := range s.playing {
		if r.key == key {
			n++
		}
	}
	return n
}

// ends estimates after which time the lessons of some hosts are over, with the
// labs that they have and more, which are ready after some time; where there is
// none any more, one starts. Each lesson in line plays on the lab that is free
// first; one of which nobody knows how long it takes, for a second.
func (s *Stage) ends(key string, ready ...time.Duration) (latest time.Duration) {
	free := slices.Clone(ready)
	for _, r := range s.playing {
		if r.key == key {
			until := max(0, time.Until(r.until))
			latest = max(latest, until)
			if !r.last {
				free = append(free, until)
			}
		}
	}
	for _, r := range s.waiting {
		if r.key != key || r.fresh {
			continue
		}
		if len(free) == 0 {
			free = append(free, latest+s.aStart())
		}
		first := slices.Index(free, slices.Min(free))
		free[first] += cmp.Or(r.takes, time.Second)
		latest = max(latest, free[first])
		if r.last {
			free = slices.Delete(free, first, first+1)
		}
	}
	return latest
}
