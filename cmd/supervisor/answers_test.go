package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/status"
)

func TestBeforeThereIsAPodItIsPending(t *testing.T) {
	want := status.Pod{Phase: status.Pending, Health: "starting"}
	if diff := cmp.Diff(want, newAnswers().Status()); diff != "" {
		t.Error(diff)
	}
}
