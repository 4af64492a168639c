package topology

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/consts"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/schema"
	"github.com/compose-spec/compose-go/v2/tree"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/goccy/go-yaml/ast"
)

// Parse reads a topology from the text of a Compose file and validates it. The
// file name serves messages only: nothing is opened, neither this file nor one
// that it names. Variables have no values but the defaults of the file, as in
// ${MTU:-1400}; ParseEnv takes an environment.
//
// A network of the file is a Network: its subnets are the Prefixes, its
// gateways the Gateways, the driver option com.docker.network.driver.mtu the
// MTU. A service is a Host: the service's name is the Name; its hostname, the
// aliases of its networks, and the names that any service's extra_hosts gives
// to its addresses are Aliases; ipv4_address and ipv6_address are the Addrs. A
// service that names no network stands on the network "default", as in
// Compose. The image hostlab, the targets of this project's Dockerfile and no
// image at all mean the lab image; any other image is taken as it is and must
// be there already. What Compose has no word for stands in the service under
// x-hostlab:
//
//	services:
//	  r1:
//	    x-hostlab:
//	      forward: true            # a router
//	      routes:
//	        - {to: 10.0.9.0/24, via: 10.0.2.254}
//
// What a lab can't give is refused by name: published ports, files of the
// computer, a way out of a network, networks that it did not make, several
// containers of one service. What tells Compose how to run a container is left
// to Compose: build, command, environment, capabilities, limits and the like.
// Services whose profile is not active are not there, as in Compose.
//
// The error joins a *Problem for each thing that is wrong.
func Parse(ctx context.Context, filename string, data []byte) (*Topology, error) {
	return ParseEnv(ctx, filename, data, nil)
}

// ParseEnv is Parse with values for the file's variables. COMPOSE_PROJECT_NAME
// and COMPOSE_PROFILES mean what they mean to Compose. The computer's own
// environment is not looked at.
func ParseEnv(ctx context.Context, filename string, data []byte, env map[string]string) (*Topology, error) {
	src, err := newSource(filename, data)
	if err != nil {
		return nil, err
	}
	if len(src.docs) == 0 {
		return nil, problem(Pos{File: filename}, "the file is empty: want networks and services")
	}
	if problems := src.unset(env); len(problems) > 0 {
		return nil, join(problems)
	}
	project, err := load(ctx, filename, src.withoutVersion(data), env)
	if err != nil {
		return nil, src.explain(err)
	}
	b := &builder{src: src, project: project, lines: lines{lineKey("file"): {File: filename}}, topology: &Topology{Name: project.Name}}
	b.build()
	if problems := append(b.problems, b.topology.problems(b.lines)...); len(problems) > 0 {
		return nil, join(problems)
	}
	return b.topology, nil
}

// load gives the file to compose-go, with everything off that would look
// beyond it. Consistency is Validate's to check, which knows lines.
func load(ctx context.Context, filename string, data []byte, env map[string]string) (*types.Project, error) {
	environment := types.Mapping{}
	maps.Copy(environment, env)
	return loader.LoadWithContext(ctx, types.ConfigDetails{
		WorkingDir:  ".",
		ConfigFiles: []types.ConfigFile{{Filename: filename, Content: data}},
		Environment: environment,
	}, func(o *loader.Options) {
		o.SetProjectName("lab", false)
		if name := env[consts.ComposeProjectName]; name != "" {
			o.SetProjectName(name, true)
		}
		if profiles := env[consts.ComposeProfiles]; profiles != "" {
			o.Profiles = strings.Split(profiles, ",")
		}
		o.SkipNormalization = true
		o.SkipConsistencyCheck = true
		o.SkipResolveEnvironment = true
		o.SkipResolveLabels = true
		o.ResolvePaths = false
		o.ResourceLoaders = []loader.ResourceLoader{noOtherFile{}}
	})
}

// noOtherFile refuses what include and extends name: it is a compose-go
// ResourceLoader for every path.
type noOtherFile struct{}

type otherFileError struct{ path string }

func (e *otherFileError) Error() string {
	return fmt.Sprintf("include and extends of another file, %s: a topology is one file", e.path)
}

func (noOtherFile) Accept(string) bool { return true }
func (noOtherFile) Dir(string) string  { return "." }
func (noOtherFile) Load(_ context.Context, path string) (string, error) {
	return "", &otherFileError{path: path}
}

// withoutVersion turns the obsolete top-level key "version" into a comment,
// since compose-go would write a warning about it to standard error.
func (s *source) withoutVersion(data []byte) []byte {
	data = append([]byte{}, data...) // never nil, which would mean: open the file
	at := s.pos("version").Line
	if !s.has("version") {
		return data
	}
	start := 0
	for range at - 1 {
		start += bytes.IndexByte(data[start:], '\n') + 1
	}
	if bytes.HasPrefix(data[start:], []byte("version")) {
		data[start] = '#'
	}
	return data
}

var (
	yamlError   = regexp.MustCompile(`^yaml: (?:construct errors: )?line (\d+)(?:, column \d+)?: (?:yaml: )?`)
	unknownKeys = regexp.MustCompile(`additional properties '([^']*)'.* not allowed$`)
	aService    = regexp.MustCompile(`service "([^"]+)"`)
)

// explain gives an error of compose-go a line, and a better key when it
// complains about an unknown one.
func (s *source) explain(err error) error {
	if other, ok := errors.AsType[*otherFileError](err); ok {
		at := Pos{File: s.file}
		for _, d := range s.docs {
			scalars(d, func(n ast.Node) {
				if scalar(n) == other.path {
					at.Line = lineOf(n)
				}
			})
		}
		return problem(at, "%s", other)
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	text = strings.TrimPrefix(text, "validating "+s.file+": ")
	text = strings.TrimPrefix(text, "failed to parse "+s.file+": ")
	at := Pos{File: s.file}
	if m := yamlError.FindStringSubmatch(text); m != nil {
		at.Line, _ = strconv.Atoi(m[1])
		return problem(at, "not YAML: %s", text[len(m[0]):])
	}
	path := s.mentioned(text)
	if m := aService.FindStringSubmatch(text); m != nil && len(path) == 0 {
		path = []string{"services", m[1]}
	}
	key := ""
	if m := unknownKeys.FindStringSubmatch(text); m != nil {
		key = m[1]
	} else if strings.HasSuffix(text, " false schema") && len(path) > 0 {
		key, path = path[len(path)-1], path[:len(path)-1]
	}
	if key != "" {
		text = "unknown key " + key + near(key, composeKeys(path))
		if len(path) > 0 {
			text = strings.Join(path, ".") + ": " + text
		}
		path = append(path, key)
	}
	return problem(s.pos(path...), "%s", text)
}

// mentioned returns the longest path of the file that a message has in it.
func (s *source) mentioned(text string) []string {
	var best []string
	for i := range text {
		if i > 0 && !strings.ContainsAny(text[i-1:i], ` "'`) {
			continue
		}
		if path := s.dotted(text[i:]); len(path) > len(best) {
			best = path
		}
	}
	return best
}

// composeKeys returns the keys that the Compose specification knows at a path.
func composeKeys(path []string) []string {
	at := tree.NewPath()
	for _, key := range path {
		at = at.Next(key)
	}
	var keys []string
	for _, p := range schema.AttributePaths() {
		parent := p.Parent()
		if len(path) == 0 && !strings.Contains(string(p), ".") || len(path) > 0 && at.Matches(parent) {
			keys = append(keys, p.Last())
		}
	}
	return keys
}
