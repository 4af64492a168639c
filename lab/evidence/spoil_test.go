package evidence

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestSpoiled changes members by chance, all hashes right: whatever they are
// then, opening and replaying come to an end.
func TestSpoiled(t *testing.T) {
	bundle, _ := record(t, strings.Replace(text, "timeout: 2s", "timeout: 20ms", 1), script, false)
	files := unpack(t, bundle)
	r := rand.New(rand.NewPCG(3, 4))
	opened, replayed := 0, 0
	for range 400 {
		all := append([]content(nil), files...)
		for range 1 + r.IntN(2) {
			i := 1 + r.IntN(len(all)-1)
			all[i].data = spoil(r, all[i].data)
		}
		changed := rehashed(t, all)
		b, err := Read(bytes.NewReader(changed), int64(len(changed)))
		if err != nil {
			continue
		}
		opened++
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if _, err := b.Replay(ctx); err == nil {
			replayed++
		}
		if ctx.Err() != nil {
			t.Fatal("a replay has no end")
		}
		cancel()
	}
	if opened < 100 || replayed < 30 {
		t.Errorf("%d opened and %d replayed; this tries too little", opened, replayed)
	}
}

// spoil changes a few bytes, digits above all, or leaves out, doubles or
// exchanges a piece.
func spoil(r *rand.Rand, was []byte) []byte {
	data := bytes.Clone(was)
	if len(data) == 0 {
		return data
	}
	at, n := r.IntN(len(data)), 1+r.IntN(40)
	end := min(len(data), at+n)
	switch r.IntN(5) {
	case 0:
		data[at] ^= 1 << r.IntN(8)
	case 1:
		data = append(data[:at:at], data[end:]...)
	case 2:
		data = append(data[:end:end], data[at:]...)
	case 3: // whole lines
		lines := bytes.SplitAfter(data, []byte("\n"))
		i, k := r.IntN(len(lines)), r.IntN(len(lines))
		lines[i], lines[k] = lines[k], lines[i]
		data = bytes.Join(lines, nil)
	default:
		for i := at; i < len(data); i++ {
			if '0' <= data[i] && data[i] <= '9' {
				data[i] = byte('0' + r.IntN(10))
				break
			}
		}
	}
	return data
}
