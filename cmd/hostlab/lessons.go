package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"hostlab/lab"
	"hostlab/lab/hint"
	"hostlab/lab/lesson"
	"hostlab/lab/lessons"
	"hostlab/lab/topology"
)

// findLesson reads a lesson: a file of the reader's when the name has a
// slash or ends in .md, else one of the lessons that hostlab brings.
func findLesson(ctx context.Context, name string) (*lesson.Lesson, error) {
	var les *lesson.Lesson
	var err error
	if isFile(name) {
		les, err = lesson.Load(ctx, name, os.ReadFile)
	} else {
		les, err = lessons.Open(name)
	}
	return les, given(err)
}

// isFile tells a file of the reader's from a lesson that hostlab brings.
func isFile(name string) bool {
	return strings.HasSuffix(name, ".md") || strings.ContainsRune(name, filepath.Separator)
}

// given makes what is wrong with something that the reader gave a misuse. The
// way out is err's own hint.
func given(err error) error {
	if err == nil {
		return nil
	}
	return &misuseError{err, hint.Of(err)}
}

// topologyOf returns the lab of a lesson or of a Compose file.
func topologyOf(ctx context.Context, name string) (*topology.Topology, error) {
	if ext := filepath.Ext(name); ext == ".yaml" || ext == ".yml" {
		t, err := lab.Load(ctx, name)
		return t, given(err)
	}
	les, err := findLesson(ctx, name)
	if err != nil {
		return nil, err
	}
	return les.Topology, nil
}

// completeLessons completes the names of lessons, and files.
func completeLessons(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return lessons.Names(), cobra.ShellCompDirectiveDefault
}
