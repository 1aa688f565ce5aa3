# completion.zsh FOLDER LINE…: what zsh offers for each LINE, with _cleave from FOLDER. Prints
# `LINE line` and `HIT match` lines. A zsh of its own runs on a pseudo-terminal and says what it
# adds to its list; nothing waits but for what it prints.
zmodload zsh/zpty || exit 77
folder=$1
shift

# Reads the terminal until a line that holds $1; prints those with a match.
follow() {
    local text
    while zpty -r shell text $'*\n'; do
        text=${${text%$'\n'}//$'\r'/}
        [[ $text == HIT\ * ]] && print -r -- $text
        [[ $text == *$1* ]] && return 0
    done
    return 1
}

zpty shell zsh -f -i
zpty -w shell "PROMPT=; stty -echo"
zpty -w shell "fpath=(${(q)folder} \$fpath); autoload -Uz compinit; compinit -D -u"
zpty -w shell 'offer() { compstate[insert]=; compstate[list]=; print; _main_complete; print -r -- DO""NE }
compadd() {
    local -a found
    if [[ ${argv[1,(i)(-|--)]} != *-[OAD]* ]]; then
        builtin compadd -O found "$@"
        print -rl -- "HIT "${^found}
    fi
    builtin compadd "$@"
}
zle -C offer complete-word offer
bindkey "^I" offer
bindkey "^U" kill-whole-line
print -r -- REA""DY'
follow READY || exit 1
for line; do
    print -r -- "LINE $line"
    zpty -w -n shell $'\025'"$line"$'\t'
    follow DONE || exit 1
done
zpty -d shell
