#!/bin/sh
# Installs t3nets from a release, without a compiler and without root:
#
#     curl -fsSL https://github.com/t3nets/t3nets/releases/latest/download/install.sh | sh
#     sh install.sh [--prefix FOLDER] [--router] [--from FOLDER]
#
#   --prefix FOLDER  install below this folder; else below /usr/local for root, below ~/.local for anyone else
#   --router         install t3nets-router, the service, instead of the command line
#   --from FOLDER    take the release's files from a folder instead of downloading them
#
# The archive's SHA-256 must be the one in the release's SHA256SUMS; otherwise nothing is installed.
set -eu

version=@VERSION@
source=https://github.com/t3nets/t3nets/releases/download/v$version
name=t3nets
prefix=
if [ "$(id -u)" = 0 ]; then prefix=/usr/local; elif [ -n "${HOME:-}" ]; then prefix=$HOME/.local; fi
from=

fail() { printf 'install: %s\n' "$1" >&2; exit 1; }

while [ $# -gt 0 ]; do
    case $1 in
        --prefix) prefix=${2:?a folder follows --prefix}; shift ;;
        --from) from=${2:?a folder follows --from}; shift ;;
        --router) name=t3nets-router ;;
        *) fail "unknown argument: $1" ;;
    esac
    shift
done
[ -n "$prefix" ] || fail "there is no home folder to install below: --prefix names another"

case $(uname -s) in
    Linux) system=unknown-linux-gnu ;;
    Darwin) system=apple-darwin ;;
    *) system=$(uname -s) ;;
esac
case $(uname -m) in
    amd64 | x86_64) machine=x86_64 ;;
    arm64 | aarch64) machine=aarch64 ;;
    *) machine=$(uname -m) ;;
esac
folder=$name-$version-$machine-$system
archive=$folder.tar.gz

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# fetch FILE: into the working folder.
fetch() {
    if [ -n "$from" ]; then
        cp "$from/$1" "$work/$1"
    elif command -v curl >/dev/null; then
        curl --proto '=https' --tlsv1.2 --fail --silent --show-error --location --output "$work/$1" "$source/$1"
    elif command -v wget >/dev/null; then
        wget --quiet --output-document="$work/$1" "$source/$1"
    else
        fail "curl or wget is needed"
    fi
}

fetch SHA256SUMS || fail "the release's list of checksums cannot be had"
grep "  $archive\$" "$work/SHA256SUMS" >"$work/wanted" ||
    fail "$version has nothing for $machine-$system; with Rust: cargo install --locked --git https://github.com/t3nets/t3nets $name"
fetch "$archive" || fail "$archive cannot be had"
(
    cd "$work"
    if command -v sha256sum >/dev/null; then
        sha256sum --check --status wanted
    elif command -v shasum >/dev/null; then
        shasum --algorithm 256 --check --status wanted
    else
        fail "sha256sum or shasum is needed to check what was downloaded"
    fi
) || fail "$archive is not what the release's checksums say; nothing was installed"
tar -xzf "$work/$archive" -C "$work"

# put FILE TARGET MODE: by a new file in its place, so that a program that runs keeps its own.
put() {
    mkdir -p "$(dirname "$2")"
    cp "$work/$folder/$1" "$2.new"
    chmod "$3" "$2.new"
    mv "$2.new" "$2"
}

put "$name" "$prefix/bin/$name" 755
if [ "$name" = t3nets ]; then
    put completions/t3nets.bash "$prefix/share/bash-completion/completions/t3nets" 644
    put completions/_t3nets "$prefix/share/zsh/site-functions/_t3nets" 644
    put completions/t3nets.fish "$prefix/share/fish/vendor_completions.d/t3nets.fish" 644
    for page in "$work/$folder"/man/*.1; do
        put "man/${page##*/}" "$prefix/share/man/man1/${page##*/}" 644
    done
fi
printf 'installed %s %s as %s\n' "$name" "$version" "$prefix/bin/$name"
case :$PATH: in
    *:"$prefix/bin":*) ;;
    *) printf '%s is not in PATH\n' "$prefix/bin" ;;
esac
