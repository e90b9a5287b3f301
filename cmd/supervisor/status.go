package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/podlike/podlike/internal/source"
	"github.com/podlike/podlike/internal/status"
	podusage "github.com/podlike/podlike/internal/usage"
)

// showStatus prints how the pod is, and what it uses where the engine tells.
func showStatus(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	c := newCommand("status", "status [-o json|yaml]", "prints how the pod and each of its components are, and what they use")
	form := c.String("o", "", "`form`: json or yaml; a table without it")
	if _, err := c.parse(args, 0, stdout); err != nil {
		return err
	}
	if err := c.oneOf(*form, "", "json", "yaml"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	p, err := status.Read(ctx)
	if err != nil {
		return err
	}
	r := overview{Pod: p}
	if r.uses, err = uses(ctx, p); err != nil {
		fmt.Fprintf(stderr, "supervisor: what the pod uses is not known: %s\n", firstLine(err.Error()))
	}
	text, err := render(r, *form, time.Now())
	if err != nil {
		return err
	}
	_, err = stdout.Write(text)
	return err
}

// render is a pod in one of the forms, as it is now.
func render(r overview, form string, now time.Time) ([]byte, error) {
	if form == "" {
		return []byte(table(r, now)), nil
	}
	text, err := json.MarshalIndent(r.printed(), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("cannot print the status: %w", err)
	}
	if form == "yaml" {
		return source.YAML(text)
	}
	return append(text, '\n'), nil
}

// table shows a pod for people: a line for it, a line for each component, what each of them
// uses, and what they have to say.
func table(r overview, now time.Time) string {
	p := r.Pod
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	row := func(cells ...string) { fmt.Fprintln(w, strings.Join(cells, "\t")) }
	row("POD", "PHASE", "HEALTH", "AGE", "REASON")
	row(orDash(p.Name), phase(p), p.Health, age(p.Started, now), orDash(reason(p)))
	_ = w.Flush() // to memory
	if len(p.Components) > 0 {
		row("")
		row("NAME", "READY", "STATUS", "RESTARTS", "AGE", "LAST STATE")
	}
	for _, c := range p.Components {
		row(called(c), yesOrNo(c.Ready), orDash(word(c.State)), restarts(c, now), age(since(c), now), last(c, now))
	}
	_ = w.Flush()
	if r.uses != nil {
		text.WriteString("\n" + podusage.Totals(*r.uses))
	}
	if said := messages(p.Components); said != "" {
		text.WriteString("\n" + said)
	}
	return trimLines(text.String())
}

// trimLines takes away the blanks that a table has at the ends of its lines.
func trimLines(text string) string {
	var all strings.Builder
	for line := range strings.Lines(text) {
		fmt.Fprintln(&all, strings.TrimRight(line, " \n"))
	}
	return all.String()
}

// phase is the pod's, or that it goes down.
func phase(p status.Pod) string {
	if !p.Stopping.IsZero() && (p.Phase == status.Pending || p.Phase == status.Running) {
		return "Stopping"
	}
	return string(p.Phase)
}

// reason says why the pod is as it is: what it says itself, or the first condition
// that it does not fulfil and that has a reason.
func reason(p status.Pod) string {
	if p.Message != "" {
		return firstLine(p.Message)
	}
	for _, c := range p.Conditions {
		if !c.Status && c.Reason != "" {
			return because(c.Reason, c.Message)
		}
	}
	return ""
}

// because joins a reason and a message, which may be empty.
func because(reason, message string) string {
	if message == "" {
		return reason
	}
	return reason + ": " + firstLine(message)
}

// called is a component's name, and what it is if that is not the usual thing.
func called(c status.Component) string {
	if c.Role == "" || c.Role == status.Main {
		return c.Name
	}
	return c.Name + " (" + string(c.Role) + ")"
}

// word is a state in short.
func word(s status.State) string {
	switch {
	case s.Waiting != nil:
		return s.Waiting.Reason
	case s.Running != nil && s.Running.Stopping:
		return "Stopping"
	case s.Running != nil:
		return "Running"
	case s.Terminated != nil && (s.Terminated.Code == 0 || s.Terminated.Code < 0):
		return s.Terminated.Reason
	case s.Terminated != nil:
		return s.Terminated.Reason + " (" + strconv.Itoa(s.Terminated.Code) + ")"
	}
	return ""
}

// restarts is how often a component was restarted, and when that was needed last.
func restarts(c status.Component, now time.Time) string {
	count := strconv.Itoa(c.Restarts)
	if c.Restarts == 0 || c.Last.Terminated == nil || c.Last.Terminated.Finished.IsZero() {
		return count
	}
	return count + " (" + age(c.Last.Terminated.Finished, now) + " ago)"
}

// since is when a component came to its state, as far as that is known.
func since(c status.Component) time.Time {
	switch {
	case c.State.Running != nil:
		return c.State.Running.Since
	case c.State.Terminated != nil:
		return c.State.Terminated.Finished
	case c.State.Waiting != nil && c.Last.Terminated != nil:
		return c.Last.Terminated.Finished
	}
	return time.Time{}
}

// last is how a component's last run ended.
func last(c status.Component, now time.Time) string {
	text := orDash(word(c.Last))
	if t := c.Last.Terminated; t != nil && !t.Finished.IsZero() {
		text += " " + age(t.Finished, now) + " ago"
	}
	return text
}

// messages are what there is to say of the components' states, and of how the last
// runs ended of those that are not ready again.
func messages(components []status.Component) string {
	var text strings.Builder
	say := func(of, message string) {
		if message != "" {
			fmt.Fprintf(&text, "%s: %s\n", of, firstLine(message))
		}
	}
	for _, c := range components {
		say(c.Name, message(c.State))
		if !c.Ready {
			say(c.Name+", last run", message(c.Last))
		}
	}
	return text.String()
}

// message is what a state has to say.
func message(s status.State) string {
	switch {
	case s.Waiting != nil:
		return s.Waiting.Message
	case s.Running != nil:
		return s.Running.Message
	case s.Terminated != nil:
		return s.Terminated.Message
	}
	return ""
}

// firstLine is the first line of a text, which has more if it ends in dots.
func firstLine(text string) string {
	line, more, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if more != "" {
		line += " ..."
	}
	return line
}

// age is how long ago something was, in its two largest units or fewer.
func age(from, now time.Time) string {
	if from.IsZero() {
		return "-"
	}
	d := max(now.Sub(from), 0).Truncate(time.Second)
	const day = 24 * time.Hour
	switch {
	case d < 2*time.Minute:
		return units(d, time.Second, "s", time.Second, "")
	case d < 10*time.Minute:
		return units(d, time.Minute, "m", time.Second, "s")
	case d < 2*time.Hour:
		return units(d, time.Minute, "m", time.Minute, "")
	case d < 10*time.Hour:
		return units(d, time.Hour, "h", time.Minute, "m")
	case d < 2*day:
		return units(d, time.Hour, "h", time.Hour, "")
	case d < 10*day:
		return units(d, day, "d", time.Hour, "h")
	}
	return units(d, day, "d", day, "")
}

// units are how many of a large unit fit into d, and how many of a small one into what
// is left.
func units(d, large time.Duration, name string, small time.Duration, smallName string) string {
	text := strconv.Itoa(int(d/large)) + name
	if rest := d % large / small; rest > 0 && smallName != "" {
		text += strconv.Itoa(int(rest)) + smallName
	}
	return text
}

func yesOrNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
