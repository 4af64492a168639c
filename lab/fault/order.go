package fault

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// An Order is one thing that a person asks of the faults of a lab, hosts by
// their names. ParseOrder reads it; package lab carries it out.
type Order struct {
	Verb Verb

	// Hosts are where it acts: one for all verbs but VerbPart, of which they are
	// one side. For VerbList and VerbClear none means every host.
	Hosts  []string
	Others []string // the other side of VerbPart

	Fault Fault    // of VerbBreak; From holds further sources
	From  []string // of VerbBreak: hosts whose packets the fault takes, beside Fault's own addresses

	Network string // of VerbCut and VerbJoin
	JSON    bool   // of VerbList
}

// A Verb is what an Order does.
type Verb string

const (
	VerbBreak  Verb = "break" // drop or reject packets, as Fault says
	VerbPart   Verb = "partition"
	VerbPause  Verb = "pause"
	VerbResume Verb = "resume"
	VerbCut    Verb = "cut"
	VerbJoin   Verb = "join"
	VerbList   Verb = "list"
	VerbClear  Verb = "clear"
)

const verbs = "drop, reject, partition, pause, resume, cut, join, list or clear"

// ParseOrder reads the words behind "hostlab fault": "drop", "guinness",
// "udp/1060", "--from", "laptop". Whether the lab has such hosts is not looked
// at. The error is pflag.ErrHelp when help is asked for.
func ParseOrder(words ...string) (Order, error) {
	if len(words) == 0 {
		return Order{}, errors.New("fault: what shall it do? want " + verbs)
	}
	switch verb, rest := words[0], words[1:]; verb {
	case "-h", "--help", "help":
		return Order{}, pflag.ErrHelp
	case "drop", "reject":
		return parseBreak(words)
	case "partition":
		return parsePart(rest)
	case "pause", "resume":
		return parsePlain(verb, rest, "on which host?")
	case "cut", "join":
		return parsePlain(verb, rest, "which host, and which network?")
	case "list", "clear":
		return parsePlain(verb, rest, "")
	default:
		return Order{}, fmt.Errorf("fault: %q: want %s", verb, verbs)
	}
}

// parseBreak reads the words of a fault. What a host sends to another one is
// taken where that receives it.
func parseBreak(words []string) (Order, error) {
	s, err := parse(words, true)
	if err != nil {
		return Order{}, err
	}
	o := Order{Verb: VerbBreak, Hosts: []string{s.host}, Fault: s.fault, From: s.names}
	if s.to != "" {
		if len(s.names) > 0 || len(s.fault.match().from) > 0 {
			return o, errors.New("fault: --to beside --from: want one of them")
		}
		o.Hosts, o.From = []string{s.to}, []string{s.host}
	}
	if len(o.From) > 0 {
		o.Fault = named(o.Fault, Shorten(nameFrom(o.Fault, o.From), MaxAs))
	}
	return o, o.Fault.Validate()
}

// nameFrom names a fault by its words, with names of hosts among its sources.
func nameFrom(f Fault, hosts []string) string {
	sources := slices.Clone(hosts)
	for _, a := range f.match().from {
		sources = append(sources, a.String())
	}
	words := withFrom(f, nil).Args()
	return strings.Join(slices.Insert(words, 2, "--from", strings.Join(sources, ",")), " ")
}

func parsePart(words []string) (Order, error) {
	rest, _, err := parsePositions("partition", words)
	if err != nil {
		return Order{}, err
	}
	if len(rest) != 2 {
		return Order{}, fmt.Errorf("fault: partition: got %d sides; want two, commas between the hosts of one: laptop,router guinness", len(rest))
	}
	o := Order{Verb: VerbPart, Hosts: strings.Split(rest[0], ","), Others: strings.Split(rest[1], ",")}
	return o, CheckSides(o.Hosts, o.Others)
}

// CheckSides reports what is wrong with the sides of a partition.
func CheckSides(a, b []string) error {
	var problems []error
	if len(a) == 0 || len(b) == 0 {
		problems = append(problems, errors.New("fault: partition: a side without hosts"))
	}
	all := slices.Concat(a, b)
	for i, name := range all {
		if name == "" {
			problems = append(problems, errors.New("fault: partition: a host without a name"))
		} else if slices.Contains(all[:i], name) {
			problems = append(problems, fmt.Errorf("fault: partition: %s stands there twice", name))
		}
	}
	return errors.Join(problems...)
}

// PartName is what lists and captures call a partition.
func PartName(a, b []string) string {
	return Shorten("partition "+strings.Join(a, ",")+" "+strings.Join(b, ","), MaxAs)
}

// parsePlain reads the words of a verb that takes a host, and perhaps a
// network. Question is what to ask when one is missing; "" when none need be
// there.
func parsePlain(verb string, words []string, question string) (Order, error) {
	rest, asJSON, err := parsePositions(verb, words)
	if err != nil {
		return Order{}, err
	}
	o := Order{Verb: Verb(verb), JSON: asJSON}
	most := 1
	if o.Verb == VerbCut || o.Verb == VerbJoin {
		most = 2
	}
	if question != "" && len(rest) < most {
		return o, fmt.Errorf("fault: %s: %s", verb, question)
	}
	if len(rest) > most {
		return o, fmt.Errorf("fault: %s: unknown word %q", verb, rest[most])
	}
	if len(rest) > 0 {
		o.Hosts = rest[:1]
	}
	if len(rest) > 1 {
		o.Network = rest[1]
	}
	return o, nil
}

// parsePositions reads words among which only list may have a flag.
func parsePositions(verb string, words []string) (rest []string, asJSON bool, err error) {
	flags := pflag.NewFlagSet(verb, pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	if verb == string(VerbList) {
		flags.BoolVar(&asJSON, "json", false, "")
	}
	if err := flags.Parse(words); errors.Is(err, pflag.ErrHelp) {
		return nil, false, err
	} else if err != nil {
		return nil, false, fmt.Errorf("fault: %s: %w", verb, err)
	}
	return flags.Args(), asJSON, nil
}
