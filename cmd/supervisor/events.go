package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/rs/zerolog"

	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/status"
)

// events prints what has happened to the pod.
func events(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	c := newCommand("events", "events [-f] [-o json]", "prints what has happened to the pod, the last 1000 events at most")
	var follow bool
	c.either(&follow, "f", "follow", "go on with what happens from now on")
	form := c.String("o", "", "`form`: json prints the records of the log")
	if _, err := c.parse(args, 0, stdout); err != nil {
		return err
	}
	if err := c.oneOf(*form, "", "json"); err != nil {
		return err
	}
	tell := printer(stdout, *form == "json", coloured(stdout))
	return status.Events(ctx, follow, func(e event.Event, lost int) error {
		if lost > 0 {
			fmt.Fprintf(stderr, "supervisor: events before this that are not remembered: %d\n", lost)
			return nil
		}
		tell(e)
		return nil
	})
}

// printer makes a sink that writes every event as the log does: as JSON, or for
// people, with the day as well.
func printer(to io.Writer, json, coloured bool) event.Sink {
	if !json {
		to = zerolog.ConsoleWriter{Out: to, TimeFormat: "2006-01-02 15:04:05.000", TimeLocation: time.UTC, NoColor: !coloured}
	}
	log := zerolog.New(to)
	return func(e event.Event) { record(log.WithLevel(levelOf(e)), e) }
}
