package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"fp4tui/exec"
	"fp4tui/views"
)

// documents are what docs can print, by name: the committed files under docs.
func documents() map[string]string {
	return map[string]string{
		"commands": commandReference(),
		"keys":     views.KeyMarkdown(),
		"schema":   exec.Schema(),
	}
}

func (a *app) docsCommand() *cobra.Command {
	return &cobra.Command{
		Use:       "docs [commands|keys|schema]",
		Short:     "the command reference, the keys or the JSON schema, generated from their tables",
		Args:      args(cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs)),
		ValidArgs: []string{"commands", "keys", "schema"},
		RunE: func(_ *cobra.Command, list []string) error {
			name := "commands"
			if len(list) > 0 {
				name = list[0]
			}
			text, ok := documents()[name]
			if !ok {
				return usage(errors.New("no such document"))
			}
			_, err := fmt.Fprint(a.out, text)
			return err
		},
	}
}

func commandReference() string { return session(exec.Options{}).Table().Markdown() }
