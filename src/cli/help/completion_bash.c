/* completion_bash.c: the completion script for bash, from 3.2 on. One function per command
 * completes the value of the option before the cursor, the names of options, or the command's
 * inputs. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/help/completion.h"

static const char helpers[] =
    "# Completions of cleave for bash, as 'cleave completion bash' prints them.\n"
    "\n"
    "# The words up to the cursor: bash from 4 on splits them at = and :, here they are whole.\n"
    "# `piece` is what readline takes the last one to be, the part that a reply replaces.\n"
    "_cleave_split() {\n"
    "    local line=${COMP_LINE:0:COMP_POINT} rest i\n"
    "    words=()\n"
    "    for ((i = 0; i <= COMP_CWORD; i++)); do\n"
    "        rest=${line#\"${line%%[![:space:]]*}\"}\n"
    "        piece=${COMP_WORDS[i]}\n"
    "        if ((i == COMP_CWORD)); then piece=$rest; fi\n"
    "        if ((i > 0)) && [[ $rest == \"$line\" ]]; then\n"
    "            words[${#words[@]} - 1]+=$piece\n"
    "        else\n"
    "            words+=(\"$piece\")\n"
    "        fi\n"
    "        line=${rest#\"$piece\"}\n"
    "    done\n"
    "    for i in = :; do\n"
    "        if [[ $COMP_WORDBREAKS == *$i* ]]; then piece=${piece##*$i}; fi\n"
    "    done\n"
    "}\n"
    "\n"
    "_cleave_words() {\n"
    "    local word\n"
    "    for word; do\n"
    "        if [[ $word == \"$current\"* ]]; then COMPREPLY+=(\"$word\"); fi\n"
    "    done\n"
    "}\n"
    "\n"
    "# A here-string and no process substitution, which needs /dev/fd.\n"
    "_cleave_lines() {\n"
    "    local name\n"
    "    while IFS= read -r name; do\n"
    "        if [[ -n $name ]]; then COMPREPLY+=(\"$name\"); fi\n"
    "    done <<<\"$1\"\n"
    "}\n"
    "\n"
    "_cleave_folders() {\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    _cleave_lines \"$(compgen -d -- \"$current\")\"\n"
    "}\n"
    "\n"
    "# Folders, and files with one of the extensions, in any case; without extensions all files.\n"
    "_cleave_files() {\n"
    "    local name pattern=\"\\\\.($1)\\$\"\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    _cleave_lines \"$(\n"
    "        shopt -s nocasematch\n"
    "        compgen -f -- \"$current\" | while IFS= read -r name; do\n"
    "            if [[ -z $1 || $name =~ $pattern || -d ${name/#\\~\\//$HOME/} ]]; then\n"
    "                printf '%s\\n' \"$name\"\n"
    "            fi\n"
    "        done\n"
    "    )\"\n"
    "    # Nothing fits: then any file.\n"
    "    compopt -o default 2>/dev/null\n"
    "}\n"
    "\n"
    "_cleave_devices() {\n"
    "    _cleave_words $(\"${words[0]/#\\~\\//$HOME/}\" completion devices 2>/dev/null)\n"
    "}\n";

static void print_values(const Values *values) {
    char *words = values_join(values, values->kind == VALUES_FILES ? "|" : " ");
    switch (values->kind) {
    case VALUES_WORDS:
        printf("_cleave_words %s", words);
        break;
    case VALUES_FILES:
        printf("_cleave_files '%s'", words);
        break;
    case VALUES_FOLDERS:
        fputs("_cleave_folders", stdout);
        break;
    case VALUES_DEVICES:
        fputs("_cleave_devices", stdout);
        break;
    case VALUES_UNKNOWN:
        fputs(":", stdout);
        break;
    }
    free(words);
}

static void print_option_values(const OptionList *list) {
    puts("    case $previous in");
    for (int i = 0; i < list->count; i++) {
        const Option *row = list->items[i].row;
        if (row->argument == NULL)
            continue;
        Values values = values_of_option(row);
        fputs("    ", stdout);
        if (row->letter != 0)
            printf("-%c | ", row->letter);
        printf("--%s) ", row->name);
        print_values(&values);
        puts("; return ;;");
        values_free(&values);
    }
    puts("    esac");
}

static void print_option_names(const OptionList *list) {
    fputs("    if [[ $current == -* && -z $closed ]]; then\n        _cleave_words", stdout);
    for (int i = 0; i < list->count; i++) {
        const Option *row = list->items[i].row;
        printf(" --%s", row->name);
        if (row->letter != 0)
            printf(" -%c", row->letter);
    }
    puts("\n        return\n    fi");
}

static void print_command(const Command *const *commands, const Command *command) {
    Values values = values_of_inputs(commands, command);
    OptionList list = option_list(command->rows);
    printf("\n_cleave_command_%s() {\n", command->name);
    print_option_values(&list);
    print_option_names(&list);
    fputs("    ", stdout);
    print_values(&values);
    puts("\n}");
    values_free(&values);
}

static void print_names(const Command *const *commands, const char *glue) {
    for (int i = 0; commands[i] != NULL; i++)
        printf("%s%s", i > 0 ? glue : "", commands[i]->name);
}

static void print_main(const Command *const *commands) {
    printf("\n_cleave() {\n"
           "    local IFS=$' \\t\\n'\n"
           "    local words piece current previous= before= closed= command=%s first=1 last i\n"
           "    COMPREPLY=()\n"
           "    _cleave_split\n"
           "    last=$((${#words[@]} - 1))\n"
           "    current=${words[last]}\n"
           "    if ((last > 1)); then\n"
           "        case ${words[1]} in\n"
           "        ",
           commands[0]->name);
    print_names(commands, " | ");
    fputs(") command=${words[1]} first=2 ;;\n"
          "        esac\n"
          "    fi\n"
          "    for ((i = first; i < last; i++)); do\n"
          "        if [[ ${words[i]} == -- ]]; then closed=1; fi\n"
          "    done\n"
          "    if [[ -z $closed && $current == --*=* ]]; then\n"
          "        previous=${current%%=*}\n"
          "        before=$previous=\n"
          "        current=${current#*=}\n"
          "    elif [[ -z $closed ]] && ((last > first)); then\n"
          "        previous=${words[last - 1]}\n"
          "    fi\n"
          "    if ((last == 1)) && [[ -z $before ]]; then\n"
          "        _cleave_words ",
          stdout);
    print_names(commands, " ");
    fputs("\n    fi\n"
          "    _cleave_command_$command\n"
          "    local kept=${words[last]%\"$piece\"}\n"
          "    for ((i = 0; i < ${#COMPREPLY[@]}; i++)); do\n"
          "        COMPREPLY[i]=$before${COMPREPLY[i]}\n"
          "        COMPREPLY[i]=${COMPREPLY[i]#\"$kept\"}\n"
          "    done\n"
          "}\n",
          stdout);
}

void completion_print_bash(const Command *const *commands) {
    fputs(helpers, stdout);
    print_main(commands);
    for (int i = 0; commands[i] != NULL; i++)
        print_command(commands, commands[i]);
    puts("\n# Before bash 4 there is no compopt: all replies pass for names of files.\n"
         "if type compopt &>/dev/null; then\n"
         "    complete -F _cleave cleave\n"
         "else\n"
         "    complete -o filenames -o default -F _cleave cleave\n"
         "fi");
}
