package book

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// A probability lies in 0 to 1 and is written with the % sign: 50%.
type probability float64

// String returns the percentage as short as it can be: "12.5%".
func (p *probability) String() string {
	return strconv.FormatFloat(float64(*p)*100, 'g', -1, 64) + "%"
}

// Set parses a percentage.
func (p *probability) Set(text string) error {
	digits, sign := strings.CutSuffix(text, "%")
	f, err := strconv.ParseFloat(digits, 64)
	if !sign || err != nil || !(f >= 0 && f <= 100) { // NaN is in no range
		return fmt.Errorf("expected a percentage from 0%% to 100%%, such as 50%%")
	}
	*p = probability(f / 100)
	return nil
}

// Type is the word for the value in the list of flags.
func (*probability) Type() string { return "PERCENT" }

// A dropper decides which of a server's datagrams it pretends to have lost. At
// most one of its three schedules is set; the zero value drops nothing.
type dropper struct {
	first  count       // drop the first that many
	every  count       // drop the first of each that many
	chance probability // drop this part of them, by random
	random *rand.Rand  // set when chance is
	seen   uint64      // datagrams so far
}

// newRandom returns the numbers of a seed: the same ones on every machine.
func newRandom(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// drop reports whether the next datagram is to be dropped.
func (d *dropper) drop() bool {
	n := d.seen
	d.seen++
	switch {
	case d.first > 0:
		return n < uint64(d.first)
	case d.every > 0:
		return n%uint64(d.every) == 0
	case d.random != nil:
		return d.random.Float64() < float64(d.chance)
	}
	return false
}

// dropFlags adds the flags of a dropper to a program's server. The function
// returned makes it, when the flags have been parsed.
func dropFlags(c *command) func() (*dropper, error) {
	var d dropper
	var seed uint64
	c.server("drop", func(f *pflag.FlagSet, name string) {
		f.Var(&d.chance, name, "drop this part of the datagrams, at random")
	})
	c.server("seed", func(f *pflag.FlagSet, name string) {
		f.Var((*number)(&seed), name, "what --drop draws from; the same seed drops the\n"+
			"same datagrams (default: another each time,\nprinted on standard error)")
	})
	c.server("drop-first", func(f *pflag.FlagSet, name string) {
		f.Var(&d.first, name, "drop the first N datagrams")
	})
	c.server("drop-every", func(f *pflag.FlagSet, name string) {
		f.Var(&d.every, name, "drop the first of every N datagrams; 2 drops the\n"+
			"1st, the 3rd, the 5th")
	})
	return func() (*dropper, error) {
		chosen := 0
		for _, name := range []string{"drop", "drop-first", "drop-every"} {
			if c.flags.Changed(name) {
				chosen++
			}
		}
		switch {
		case chosen > 1:
			return nil, misuse("expected one of --drop, --drop-first and --drop-every, not more")
		case c.flags.Changed("seed") && !c.flags.Changed("drop"):
			return nil, misuse("--seed is for --drop, which is not there")
		case !c.flags.Changed("drop"):
			return &d, nil
		}
		if !c.flags.Changed("seed") {
			seed = rand.Uint64N(1e9)
			c.out.note(event{Event: "seed", Seed: &seed}, "--drop %s --seed %d repeats these drops", &d.chance, seed)
		}
		d.random = newRandom(seed)
		return &d, nil
	}
}
