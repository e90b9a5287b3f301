package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
)

// builderPath is the variable that builders add to every image.
const builderPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// A recipe is what a Dockerfile says.
type recipe struct {
	config container.Config
	copies []copied
}

// A copied file goes from the context into the image.
type copied struct{ from, to string }

// parse reads a Dockerfile that copies files into nothing: FROM scratch, COPY, ENV, LABEL,
// HEALTHCHECK and ENTRYPOINT, each on a line. It refuses whatever else a builder would do.
func parse(text string) (r recipe, err error) {
	r.config.Env = []string{builderPath}
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		instruction, rest, _ := strings.Cut(line, " ")
		if err := r.follow(instruction, strings.TrimSpace(rest)); err != nil {
			return r, fmt.Errorf("line %d: %s: %w", number, instruction, err)
		}
	}
	return r, nil
}

// follow does one instruction.
func (r *recipe) follow(instruction, rest string) error {
	switch words := strings.Fields(rest); instruction {
	case "FROM":
		if rest != "scratch" {
			return fmt.Errorf("%s: only from scratch", rest)
		}
		return nil
	case "COPY":
		if len(words) != 2 || !strings.HasPrefix(words[1], "/") || strings.HasPrefix(rest, "-") {
			return fmt.Errorf("%s: must be a file and the path that it gets", rest)
		}
		r.copies = append(r.copies, copied{from: words[0], to: words[1]})
		return nil
	case "ENV":
		r.config.Env = append(r.config.Env, words...)
		return assignments(words)
	case "LABEL":
		r.config.Labels = map[string]string{}
		for _, word := range words {
			name, value, _ := strings.Cut(word, "=")
			r.config.Labels[name] = value
		}
		return assignments(words)
	case "ENTRYPOINT":
		return list(rest, (*[]string)(&r.config.Entrypoint))
	case "HEALTHCHECK":
		return r.check(rest)
	}
	return fmt.Errorf("no such instruction here")
}

// assignments refuses what is not as simple as NAME=VALUE.
func assignments(words []string) error {
	for _, word := range words {
		if !strings.Contains(word, "=") || strings.ContainsAny(word, `"'\$`) {
			return fmt.Errorf("%s: must be NAME=VALUE, without quotes and variables", word)
		}
	}
	return nil
}

// list reads a list of strings in JSON, as the instructions have that run no shell.
func list(text string, to *[]string) error {
	if err := json.Unmarshal([]byte(text), to); err != nil {
		return fmt.Errorf(`%s: must be a list such as ["/program"]: %w`, text, err)
	}
	return nil
}

// check reads a health check: flags, and a command without a shell.
func (r *recipe) check(rest string) error {
	health := &container.HealthConfig{}
	flags, command, found := strings.Cut(rest, "CMD ")
	if !found {
		return fmt.Errorf("%s: must have a CMD", rest)
	}
	for _, word := range strings.Fields(flags) {
		name, value, _ := strings.Cut(word, "=")
		var err error
		switch name {
		case "--interval":
			health.Interval, err = time.ParseDuration(value)
		case "--timeout":
			health.Timeout, err = time.ParseDuration(value)
		case "--start-period":
			health.StartPeriod, err = time.ParseDuration(value)
		case "--retries":
			health.Retries, err = strconv.Atoi(value)
		default:
			err = fmt.Errorf("no such flag here")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", word, err)
		}
	}
	var program []string
	if err := list(command, &program); err != nil {
		return err
	}
	health.Test = append([]string{"CMD"}, program...)
	r.config.Healthcheck = health
	return nil
}
