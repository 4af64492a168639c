package topology

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// extensionKey is the mapping in which a service says what Compose has no word
// for.
const extensionKey = "x-hostlab"

// What x-hostlab knows, for suggestions.
var (
	hostKeys  = []string{"forward", "routes"}
	routeKeys = []string{"to", "via"}
)

// extension returns the mapping under x-hostlab and complains about keys that
// are not known there. The path leads to x-hostlab; what names the element.
func (b *builder) extension(path []string, what string, all types.Extensions, known []string) map[string]any {
	above := path[:len(path)-1]
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if d := distance(key, extensionKey); d > 0 && d <= 2 {
			b.problem(b.src.pos(append(slices.Clone(above), key)...), "%s: unknown key %s; did you mean %s?", what, key, extensionKey)
		}
	}
	value, ok := all[extensionKey]
	if !ok || value == nil {
		return nil
	}
	m, ok := value.(map[string]any)
	if !ok {
		b.problem(b.src.pos(path...), "%s: x-hostlab: want a mapping", what)
		return nil
	}
	b.unknownKeys(path, what+": x-hostlab", m, known)
	return m
}

func (b *builder) unknownKeys(path []string, what string, m map[string]any, known []string) {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if slices.Contains(known, key) {
			continue
		}
		advice := near(key, known)
		switch {
		case advice == "" && len(known) > 0:
			advice = ": want " + strings.Join(known, " or ")
		case advice == "":
			advice = ": x-hostlab belongs to a service"
		}
		b.problem(b.src.pos(append(slices.Clone(path), key)...), "%s: unknown key %s%s", what, key, advice)
	}
}

func (b *builder) hostExtension(h *Host, all types.Extensions) {
	path := []string{"services", h.Name, extensionKey}
	m := b.extension(path, "host "+h.Name, all, hostKeys)
	if forward, ok := m["forward"]; ok {
		on, err := strconv.ParseBool(fmt.Sprint(forward))
		if err != nil {
			b.problem(b.src.pos(append(path, "forward")...), "host %s: x-hostlab: forward %q: want true or false", h.Name, fmt.Sprint(forward))
		}
		h.Forward = on
	}
	routes, ok := m["routes"]
	if !ok {
		return
	}
	list, ok := routes.([]any)
	if !ok {
		b.problem(b.src.pos(append(path, "routes")...), "host %s: x-hostlab: routes: want a list of {to: PREFIX, via: ADDRESS}", h.Name)
	}
	for i, r := range list {
		b.route(h, append(path, "routes", strconv.Itoa(i)), r)
	}
}

func (b *builder) route(h *Host, path []string, value any) {
	at := b.src.pos(path...)
	m, ok := value.(map[string]any)
	if !ok {
		b.problem(at, "host %s: x-hostlab: route: want {to: PREFIX, via: ADDRESS}", h.Name)
		return
	}
	b.unknownKeys(path, fmt.Sprintf("host %s: x-hostlab: route", h.Name), m, routeKeys)
	text := func(key string) string {
		if v, ok := m[key]; ok {
			return fmt.Sprint(v)
		}
		return ""
	}
	to, err := netip.ParsePrefix(text("to"))
	if err != nil {
		b.problem(b.src.pos(append(path, "to")...), "host %s: x-hostlab: route: to %q: want a prefix like 10.0.9.0/24, or 0.0.0.0/0 for the default route", h.Name, text("to"))
	}
	via, viaErr := netip.ParseAddr(text("via"))
	if viaErr != nil {
		b.problem(b.src.pos(append(path, "via")...), "host %s: x-hostlab: route: via %q: want an address of a neighbour", h.Name, text("via"))
	}
	if err == nil && viaErr == nil {
		h.Routes = append(h.Routes, Route{To: to, Via: via, Pos: at})
	}
}
