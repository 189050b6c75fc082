package exec

import (
	"fmt"

	"fp4tui/exec/language"
)

func commandsOf(path, text string) ([]language.Source, error) {
	return language.Split(path, 1, text), nil
}

func (c *call) exportSession(name, path string) (Result, error) {
	return nil, fmt.Errorf("%w: export session", ErrNotReady)
}
