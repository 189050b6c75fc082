package main

import (
	"testing"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/views"
)

// BenchmarkFirstFrame is everything between the start of the program and its first
// screen: the session with its command table, the model, one frame of 120×40.
func BenchmarkFirstFrame(b *testing.B) {
	for b.Loop() {
		app := views.NewApp(views.Options{Engine: session(exec.Options{}), Profile: views.ProfileTrueColor, Tour: tourCommands(),
			Start: views.StartInfo{Rows: startRows(), Ready: ready()}})
		app.Init()
		app.Update(tea.WindowSizeMsg{Width: 120, Height: 40})
		if app.View().Content == "" {
			b.Fatal("an empty frame")
		}
	}
}

// BenchmarkNextFrame is a frame after a key.
func BenchmarkNextFrame(b *testing.B) {
	app := views.NewApp(views.Options{Engine: session(exec.Options{}), Profile: views.ProfileTrueColor, Tour: tourCommands(),
		Start: views.StartInfo{Rows: startRows(), Ready: ready()}})
	app.Update(tea.WindowSizeMsg{Width: 120, Height: 40})
	for b.Loop() {
		app.Update(tea.KeyPressMsg{Code: 'j', Text: "j"})
		if app.View().Content == "" {
			b.Fatal("an empty frame")
		}
	}
}
