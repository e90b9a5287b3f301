package compose

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/podlike/podlike/internal/pod"
)

// A report is all that is wrong with one service, and what was probably not meant.
type report struct {
	place    string // of the service
	lenient  bool   // what makes no sense in a pod is ignored, with a warning
	problems pod.Problems
	warnings pod.Problems
}

// wrong reports a problem with what is at path within the service.
func (r *report) wrong(path, format string, args ...any) {
	r.problems = append(r.problems, pod.Problemf(join(r.place, path), format, args...))
}

// mustBe reports that the value at path has the wrong form.
func (r *report) mustBe(path, form string, value any) {
	if value == nil {
		r.wrong(path, "must be %s, but is empty", form)
		return
	}
	r.wrong(path, "must be %s, not %s", form, Quote(value))
}

// doubt warns of what is done otherwise than its user may expect.
func (r *report) doubt(path, format string, args ...any) {
	r.warnings = append(r.warnings, pod.Problemf(join(r.place, path), format, args...))
}

// adopt takes over what is said of a part of the service, but for what is said of the service
// already.
func (r *report) adopt(part *report) {
	r.problems = append(r.problems, r.unsaid(r.problems, part, part.problems)...)
	r.warnings = append(r.warnings, r.unsaid(r.warnings, part, part.warnings)...)
}

// unsaid are those that a part adds to what is said of the service.
func (r *report) unsaid(said pod.Problems, part *report, added pod.Problems) pod.Problems {
	return slices.DeleteFunc(added, func(p pod.Problem) bool {
		p.Place = r.place + p.Place[len(part.place):]
		return slices.Contains(said, p)
	})
}

// Quote shows a decoded YAML value on one line, much as its user wrote it.
func Quote(value any) string {
	if value == nil {
		return "nothing"
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(value) != nil { // infinity and the like
		return fmt.Sprint(value)
	}
	return pod.Visible(shorten(strings.TrimSpace(text.String())))
}

// shorten is the text's beginning where all of it would be too much for a line.
func shorten(text string) string {
	const enough = 80
	if runes := []rune(text); len(runes) > enough {
		return string(runes[:enough]) + "..."
	}
	return text
}
