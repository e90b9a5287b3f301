package main

import (
	"io"

	"github.com/rs/zerolog"

	"github.com/podlike/podlike/internal/event"
)

// newLog makes a log of events: for people on a terminal, JSON otherwise. Of a writer
// that several goroutines may use, so may they of the log.
func newLog(to io.Writer, terminal, debug bool) event.Sink {
	if terminal {
		to = zerolog.ConsoleWriter{Out: to, TimeFormat: "15:04:05.000"}
	}
	level := zerolog.InfoLevel
	if debug {
		level = zerolog.DebugLevel
	}
	log := zerolog.New(to).Level(level)
	return func(e event.Event) { record(log.WithLevel(levelOf(e)), e) }
}

// levelOf says how loud an event is: a step is for those who look for it.
func levelOf(e event.Event) zerolog.Level {
	switch e.Kind {
	case event.Created:
		return zerolog.DebugLevel
	case event.ConfigWarning, event.EngineWarning, event.ProbeWarning, event.Lowered, event.Unhealthy, event.PullRetried, event.Retrying,
		event.Restarting, event.RestartingAll, event.ProbeFailed, event.ProbeUnknown, event.HookFailed, event.Broken,
		event.OutputLost, event.EngineLost, event.CleanupFailed, event.NotReplaced, event.Ungrouped:
		return zerolog.WarnLevel
	case event.Ended, event.Left:
		if e.Code != 0 {
			return zerolog.ErrorLevel
		}
	}
	return zerolog.InfoLevel
}

// record writes an event, with the fields that mean something for it.
func record(line *zerolog.Event, e event.Event) {
	line.Str(zerolog.TimestampFieldName, e.At.UTC().Format("2006-01-02T15:04:05.000Z07:00"))
	for _, field := range []struct{ key, value string }{
		{"component", e.Component}, {"container", short(e.Container)}, {"image", e.Image}, {"why", e.Why}, {"progress", e.Progress},
	} {
		if field.value != "" {
			line.Str(field.key, field.value)
		}
	}
	switch e.Kind {
	case event.Died, event.Stopping, event.Ended, event.Left:
		line.Int("code", e.Code)
	}
	if e.Took > 0 {
		line.Dur("took_ms", e.Took)
	}
	if e.In > 0 {
		line.Dur("in_ms", e.In)
	}
	if e.Kind == event.Ended {
		line.Dict("codes", codes(e.Ends))
		line.Interface("ends", e.Ends)
		line.Strs("last_lines", e.Last)
	}
	line.Msg(string(e.Kind))
}

// codes are the components' exit codes by name, null for one that never ran.
func codes(ends []event.End) *zerolog.Event {
	all := zerolog.Dict()
	for _, end := range ends {
		if end.Code < 0 {
			all.Interface(end.Component, nil)
			continue
		}
		all.Int(end.Component, end.Code)
	}
	return all
}

// short is a container's ID as docker ps shows it.
func short(container string) string {
	if len(container) == 64 {
		return container[:12]
	}
	return container
}
