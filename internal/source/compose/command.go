package compose

import (
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/mattn/go-shellwords"

	"github.com/podlike/podlike/internal/pod"
)

// A commandReader reads commands: a component's own, and its hooks.
type commandReader struct{ ownReader }

// isOne tells whether the line is all one command that can be split into
// words. The loader would drop a shell's operator and what follows without a word.
func (r commandReader) isOne(key, line string) bool {
	words := shellwords.NewParser()
	_, err := words.Parse(line)
	switch {
	case err != nil:
		r.wrong(key, "%s cannot be split into words; close its quotes, or write a list", Quote(line))
	case words.Position >= 0:
		r.wrong(key, "%s has a shell's operator, but no shell runs it; quote it, or write [sh, -c, ...]", Quote(line))
	default:
		return true
	}
	return false
}

// split splits the commands of hooks that are written as one string into words,
// and leaves out those that cannot be (Compose: post_start).
func (r commandReader) split(key string, list []any) []any {
	left := []any{}
	for _, item := range list {
		fields, _ := item.(map[string]any)
		if line, is := fields["command"].(string); !is || r.isOne(key+".command", line) {
			left = append(left, item)
		}
	}
	return left
}

// hooks are the commands at one turn of the component's life.
func (r commandReader) hooks(key string, all []types.ServiceHook) []pod.Hook {
	var hooks []pod.Hook
	for _, h := range all {
		if len(h.Command) == 0 {
			r.mustBe(key+".command", forms[key+".command"], nil)
			continue
		}
		hooks = append(hooks, pod.Hook{Exec: &pod.Exec{
			Command: h.Command, Env: r.environment(key+".environment", nil, h.Environment),
			User: h.User, WorkingDir: h.WorkingDir, Privileged: h.Privileged,
		}})
	}
	return hooks
}
