package compose_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/compose"
)

// scalarForms are ways to write a scalar: text that looks like something else, and what is
// no text without quotes.
var scalarForms = []string{
	`"5"`, `5`, `"0"`, `0`, `"-1"`, `-1`, `"010"`, `010`, `"0x10"`, `0x10`, `"0.5"`, `0.5`, `"1.10"`, `1.10`, `"1e3"`, `1e3`,
	`"true"`, `true`, `"false"`, `false`, `"yes"`, `yes`, `"ON"`, `"no"`, `off`, `"True"`, `"t"`, `"1"`, `1`, `"64m"`, `"10s"`, `""`, `" 5"`, `"5 "`,
	`"/a"`, `"a"`, `2001-02-03`, `"1777"`, `01777`, `"0440"`, `"service_started"`, `all`, `~`, `.inf`,
}

// beside are values of keys that have to be there so that another one may be.
var beside = map[string]string{
	"type": "volume", "path": "/dev/a", "command": "[a]", "condition": "service_started", "source": "/dev/a", "target": "/t",
	"capabilities": "[gpu]", "soft": "1", "hard": "2", "name": "a", "weight": "10", "rate": "1",
}

// definitionOf is a service's value of a key with the value at the place.
func definitionOf(p compose.Place, value string) string {
	text := value
	for i := len(p.Path) - 1; i > 0; i-- {
		switch name := p.Path[i]; {
		case name == "0":
			text = "[" + text + "]"
		case name == "*":
			text = "{a: " + text + "}"
		case i == len(p.Path)-1 || i == len(p.Path)-2 && p.Path[i+1] == "0":
			text = "{" + name + ": " + text
			for _, key := range p.Required {
				if key != name {
					text += ", " + key + ": " + beside[key]
				}
			}
			if p.Path[0] == "volumes" && name != "source" {
				text += ", source: v"
			}
			if p.Path[0] == "devices" && name != "target" {
				text += ", target: /t"
			}
			text += "}"
		default:
			text = "{" + name + ": " + text + volumeAround(p.Path[0]) + "}"
		}
	}
	return text
}

// volumeAround is what a volume needs around one of its options.
func volumeAround(key string) string {
	if key == "volumes" {
		return ", type: volume, source: v, target: /t"
	}
	return ""
}

// byComposeGo is a service as docker compose reads it.
func byComposeGo(text string) (service types.ServiceConfig, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("compose-go does not survive it: %v", panicked)
		}
	}()
	project, err := loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir: "/", ConfigFiles: []types.ConfigFile{{Filename: "/c.yml", Content: []byte("services:\n  it: " + text)}}, Environment: types.Mapping{},
	}, func(o *loader.Options) {
		o.SetProjectName("pod", true)
		o.SkipNormalization, o.SkipConsistencyCheck, o.ResolvePaths = true, true, false
		o.SkipResolveEnvironment = true
	})
	if err != nil {
		return types.ServiceConfig{}, err
	}
	return project.Services["it"], nil
}

// A difference is what we do otherwise than docker compose, and why.
type difference struct {
	reason string
	// places are how the paths begin that it is about; none: all.
	places []string
	forms  []string
	// ours and theirs tell who of us takes the form.
	ours, theirs bool
}

// bare are the forms without quotes that are numbers or booleans.
var bare = []string{"5", "0", "-1", "010", "0x10", "0.5", "1.10", "1e3", "true", "false", "1", "01777", ".inf"}

// sizes and wholes are places of sizes and of whole numbers.
var (
	sizes = []string{
		"mem_", "memswap_limit", "shm_size", "deploy.resources.limits.memory", "deploy.resources.reservations.memory",
		"blkio_config.device_", "volumes.0.tmpfs.size",
	}
	wholes = []string{"cpu_", "pids_limit", "oom_score_adj", "mem_swappiness"}
)

var differences = []difference{
	{"text may be written without quotes: Podlike took it, and it is as it is written", nil, bare, true, false},
	{"a date is text, as people mean it; to docker compose it is a time", nil, []string{"2001-02-03"}, true, true},
	{"a date is text, of which docker compose makes nothing", nil, []string{"2001-02-03"}, true, false},
	{"a date is no number; docker compose takes it for none", nil, []string{"2001-02-03"}, false, true},
	{"a number with an exponent may be whole; docker compose loses it", append(sizes, wholes...), []string{"1e3"}, true, true},
	{"a fraction of a byte is refused; docker compose takes it for 0", sizes, []string{"0.5", "1.10"}, false, true},
	{"a fraction of a whole number is refused; docker compose cuts it off", wholes, []string{"0.5", "1.10"}, false, true},
	{"the reference has durations here; docker compose refuses them", []string{"cpu_rt_"}, []string{`"10s"`, `"64m"`}, true, false},
	{"text that is a number is one, as everywhere else; docker compose refuses it here", []string{"blkio_config"}, []string{`"5"`, `"0"`, `"010"`, `"1"`, `"1777"`, `"0440"`}, true, false},
	{"what a device leaves out has its default, where docker compose leaves that to the engine", []string{"devices"}, []string{`"/a"`}, true, true},
	{"what is null in a device has its default too", []string{"devices"}, []string{"~"}, true, false},
	{"a device that is no path is refused before the engine would", []string{"devices"}, nil, false, true},
}

// explains tells whether the difference is the one that was found.
func (d difference) explains(p compose.Place, form string, ours, theirs bool) bool {
	within := len(d.places) == 0 || slices.ContainsFunc(d.places, func(s string) bool { return strings.HasPrefix(strings.Join(p.Path, "."), s) })
	return within && (d.forms == nil || slices.Contains(d.forms, form)) && d.ours == ours && d.theirs == theirs
}

// Scalars mean what they mean to docker compose, quoted or not, in every place of the
// schema that reaches a component.
func TestScalarsAreWhatComposeMakesOfThem(t *testing.T) {
	used := map[string]bool{}
	places := 0
	for _, key := range slices.Sorted(maps.Keys(compose.Keys)) {
		if compose.Keys[key].Use != compose.Supported || strings.HasPrefix(key, "deploy.") || key == "pre_start" || key == "env_file" || key == "label_file" {
			continue // a pre_start has the keys of a service, and files are not read here
		}
		for _, p := range compose.Scalars(key) {
			if p.Path[0] == "deploy" && p.Path[1] != "resources" && p.Path[1] != "restart_policy" {
				continue
			}
			places++
			for _, form := range scalarForms {
				text := fmt.Sprintf("{image: i, %s: %s}", key, definitionOf(p, form))
				if key == "image" {
					text = "{image: " + form + "}"
				}
				compareScalar(t, used, p, form, text)
			}
		}
	}
	if places < 150 {
		t.Errorf("the schema is not built as it was: found only %d places", places)
	}
	for _, d := range differences {
		if !used[d.reason] {
			t.Errorf("there is no such difference: %s", d.reason)
		}
	}
}

// compareScalar compares one form at one place.
func compareScalar(t *testing.T, used map[string]bool, p compose.Place, form, text string) {
	t.Helper()
	want, err := byComposeGo(text)
	node, problems := compose.Parse("it", text)
	if node == nil {
		t.Fatalf("%s: %v", text, problems)
	}
	got, problems := compose.Loaded(compose.Service{Name: "it", Place: "it", Node: node}, own)
	ours, theirs := len(problems) == 0, err == nil
	want.Name = ""
	for i, v := range want.Volumes {
		if v.Volume != nil && cmp.Equal(*v.Volume, types.ServiceVolumeVolume{}) { // which says nothing
			want.Volumes[i].Volume = nil
		}
	}
	diff := ""
	if theirs {
		diff = cmp.Diff(want, got)
	}
	if ours == theirs && (diff == "" || !ours) {
		return
	}
	for _, d := range differences {
		if d.explains(p, form, ours, theirs) {
			used[d.reason] = true
			return
		}
	}
	t.Errorf("%s: %s\nwe: %v\nthey: %v\n%s", strings.Join(p.Path, "."), text, problems, err, diff)
}

// What reaches the component is what its user wrote, and not what YAML makes of it.
func TestScalarsReachTheComponentAsTheyAreWritten(t *testing.T) {
	for text, test := range map[string]struct {
		why  string
		want func(*pod.Component) bool
	}{
		"user: 1000":                       {"an ID", func(c *pod.Component) bool { return c.User == "1000" }},
		"user: 010":                        {"YAML would make 8 of it", func(c *pod.Component) bool { return c.User == "010" }},
		"cpuset: 0":                        {"the first CPU", func(c *pod.Component) bool { return c.Resources.CPUSet == "0" }},
		"stop_signal: 15":                  {"a signal by its number", func(c *pod.Component) bool { return c.StopSignal == "15" }},
		"command: [sleep, 1e3, 0x10, yes]": {"words", func(c *pod.Component) bool { return slices.Equal(c.Command, []string{"sleep", "1e3", "0x10", "yes"}) }},
		"command: 1.10":                    {"one word", func(c *pod.Component) bool { return slices.Equal(c.Command, []string{"1.10"}) }},
		"working_dir: true":                {"a boolean", func(c *pod.Component) bool { return c.WorkingDir == "true" }},
		"image: 1.10":                      {"the zero counts", func(c *pod.Component) bool { return c.Image == "1.10" }},
		"healthcheck: {test: [CMD, /check, 80], retries: '010'}":                       {"text in decimal digits, as docker compose reads it", func(c *pod.Component) bool { return c.Health.Test[2] == "80" && c.Health.Retries == 10 }},
		"depends_on: {b: {condition: service_started, required: 'no', restart: 'on'}}": {"flags as text", func(c *pod.Component) bool { return c.DependsOn[0].Optional && c.DependsOn[0].Restart }},
		"deploy: {restart_policy: {condition: on-failure, max_attempts: '3'}}":         {"a number as text", func(c *pod.Component) bool { return c.Restart.Max == 3 }},
		"x-pod: {essential: 'no', lifecycle: {stopSignal: 15}}":                        {"ours as well", func(c *pod.Component) bool { return c.NonEssential && c.StopSignal == "15" }},
	} {
		c, problems := read(text)
		if problems != nil || !test.want(&c) {
			t.Errorf("%s: %s: got %+v, %v", text, test.why, c, problems)
		}
	}
	for _, text := range []string{
		"user: !!int 1000", "user:", "user: [1]", "tty: 1", "healthcheck: {retries: '1e1'}", "environment: [5]",
		"logging: {options: {a: true}}", "deploy: {restart_policy: {max_attempts: three}}",
	} {
		if _, problems := read(text); problems == nil {
			t.Errorf("%s is taken", text)
		}
	}
}
