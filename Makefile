# fp4tui. `make` builds; every target is one line that can be run by hand.
.PHONY: build test lint golden bench gpu gpu-arm64 docs kernels screenshots
build:            ## the default binary: pure Go, CPU
	CGO_ENABLED=0 go build -trimpath -o bin/fp4tui ./cmd/fp4tui
test:             ## the test command of the README and of CI
	go test ./...
lint:             ## formatting, vet, staticcheck
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	go tool staticcheck ./...
golden:           ## rewrite golden frames and the generated docs; review the diff
	go test ./views/... ./cmd/... -update
	go run ./cmd/fp4tui docs > docs/commands.md
docs: golden
screenshots:      ## the frames of docs/tour.md and of the README, from the program in a terminal (needs tmux)
	go test ./cmd/fp4tui -run '^TestShots$$' -update
bench:            ## the numbers of docs/benchmarks.md
	go test -run '^$$' -bench . -benchmem ./...
gpu:              ## one binary that uses an NVIDIA GPU where there is one (tag cuda, needs gcc)
	$(MAKE) -C cuda lib
	cuda/with-env go build -tags cuda -trimpath -o bin/fp4tui-gpu ./cmd/fp4tui
gpu-arm64:        ## the same for arm64 (GB200, GB300, DGX Spark), made on amd64 by aarch64-linux-gnu-gcc
	CC=aarch64-linux-gnu-gcc GOOS=linux GOARCH=arm64 cuda/with-env go build -tags cuda -trimpath -o bin/fp4tui-gpu-arm64 ./cmd/fp4tui
kernels:          ## the GPU kernels that cuda embeds, from their sources (needs nvcc 13.0)
	$(MAKE) -C cuda/kernels kernels
