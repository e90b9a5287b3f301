package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/podlike/podlike/internal/logbuffer"
	"github.com/podlike/podlike/internal/status"
)

// logs prints what components have said.
func logs(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	q, err := parseLogs(args, time.Now(), stdout)
	if err != nil {
		return err
	}
	p := &pages{stdout: stdout, stderr: stderr}
	if q.Component == "" {
		now, err := status.Read(ctx)
		if err != nil {
			return err
		}
		p.name(now.Components, coloured(stdout))
	}
	return status.Logs(ctx, q, p.print)
}

// parseLogs reads the command line.
func parseLogs(args []string, now time.Time, help io.Writer) (q status.LogQuery, err error) {
	c := newCommand("logs", "logs [-f] [-p] [-since when] [component]",
		"prints the output of a component as docker logs does, or that of all, each line with its component's name")
	c.either(&q.Follow, "f", "follow", "go on with what is said from now on")
	c.either(&q.Previous, "p", "previous", "print the output of the run before the last restart")
	since := c.String("since", "", "print nothing older than `when`: 10m, or a time such as 2006-01-02T15:04:05Z")
	words, err := c.parse(args, 1, help)
	if err != nil {
		return q, err
	}
	q.Component = strings.Join(words, "")
	if q.Since, err = parseSince(*since, now); err != nil {
		return q, usage("-since " + *since + ": " + err.Error())
	}
	return q, nil
}

// parseSince reads a duration before now or a point in time.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return at, fmt.Errorf("is neither a duration such as 10m nor a time such as 2006-01-02T15:04:05Z")
	}
	return at, nil
}

// palette are the colours of names, in turn: those that are read on black and on white.
var palette = []int{36, 33, 32, 35, 34, 96, 93, 92, 95, 94}

// pages print lines. Their zero value but for the writers prints no names.
type pages struct {
	stdout, stderr io.Writer
	prefixes       map[string]string
}

// name has lines begin with their component's name from now on.
func (p *pages) name(components []status.Component, coloured bool) {
	p.prefixes = map[string]string{}
	width := 0
	for _, c := range components {
		width = max(width, len(c.Name))
	}
	for i, c := range components {
		prefix := fmt.Sprintf("%-*s | ", width, c.Name)
		if coloured {
			prefix = fmt.Sprintf("\x1b[%dm%s\x1b[0m", palette[i%len(palette)], prefix)
		}
		p.prefixes[c.Name] = prefix
	}
}

// print writes one line to the stream it came from. A very long line comes in parts, which
// are one line again where there are no names before them.
func (p *pages) print(l logbuffer.Line) error {
	if l.Lost > 0 {
		_, err := fmt.Fprintf(p.stderr, "supervisor: lines of %s before this that are not kept: %d\n", l.Component, l.Lost)
		return err
	}
	to, text := p.stdout, p.prefix(l.Component)+l.Text
	if l.Stream == logbuffer.Stderr {
		to = p.stderr
	}
	if !l.Partial || p.prefixes != nil {
		text += "\n"
	}
	_, err := io.WriteString(to, text)
	return err
}

// prefix is what lines of a component begin with.
func (p *pages) prefix(component string) string {
	prefix, ok := p.prefixes[component]
	if p.prefixes != nil && !ok { // it was not there when we asked
		return component + " | "
	}
	return prefix
}
