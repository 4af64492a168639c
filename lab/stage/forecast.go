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
	others := s.others(key)
	without := max(s.ends(key, 0), others)
	price := s.aStart() / time.Duration(max(1, mostStarting))
	for more := 1; more <= s.inLine(key); more++ {
		if without-max(s.ends(key, more), others) > price*time.Duration(more) {
			return true
		}
	}
	return false
}

// others returns after which time all lessons of other hosts are over.
func (s *Stage) others(key string) (latest time.Duration) {
	for _, r := range slices.Concat(s.playing, s.waiting) {
		if r.key != key {
			latest = max(latest, s.ends(r.key, max(0, 1-s.labs(r.key))))
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

// ends estimates after which time the lessons of some hosts are over, if so many
// more labs start now. Each lesson in line plays on the lab that is free first;
// one there must be.
func (s *Stage) ends(key string, more int) time.Duration {
	var free []time.Duration
	for i := range more {
		free = append(free, s.aStart()*time.Duration(1+i/max(1, mostStarting)))
	}
	for _, r := range s.playing {
		if r.key == key {
			free = append(free, max(0, time.Until(r.until)))
		}
	}
	for _, r := range s.waiting {
		if r.key == key && !r.fresh {
			first := slices.Index(free, slices.Min(free))
			free[first] += r.takes
		}
	}
	return slices.Max(free)
}
