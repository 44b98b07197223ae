# SPDX-License-Identifier: BSD-3-Clause
# The kernel refuses whatever a script may not do; here it is refused with a sentence that says
# what to do instead. Safety does not rest on this file.

module Tandem
  module Guard
    def self.refuse(mod, names, why)
      names.each do |name|
        next unless mod.method_defined?(name) || mod.private_method_defined?(name)

        hidden = mod.private_method_defined?(name)
        mod.define_method(name) { |*| raise SecurityError, "#{name}: #{why}" }
        mod.send(:private, name) if hidden
      end
    end

    FILES = 'dialplans cannot open files; keep values with sys.DBWrite and sys.DBRead'
    PROCESSES = 'dialplans cannot start programs or threads, or signal others'
    NETWORK = 'dialplans have no network of their own; dial with sys.Dial'
    INSIDE = 'not available to dialplans'

    refuse(IO.singleton_class, %i[open new read readlines foreach write binread binwrite sysopen
                                  copy_stream pipe for_fd], FILES)
    refuse(IO.singleton_class, %i[popen], PROCESSES)
    refuse(File.singleton_class, %i[open new delete unlink rename link symlink chmod chown truncate
                                    mkfifo utime stat lstat readlink realpath exist? file?
                                    directory? size size? mtime atime ctime readable? writable?
                                    executable? ftype], FILES)
    refuse(Dir.singleton_class, %i[open new [] glob entries children each_child foreach mkdir rmdir
                                   delete unlink chdir pwd getwd exist? home], FILES)
    refuse(Kernel.singleton_class, %i[open test gets readline readlines], FILES)
    refuse(Kernel.singleton_class, %i[system exec fork spawn ` syscall trap], PROCESSES)
    refuse(Kernel, %i[test gets readline readlines], FILES)
    refuse(Kernel, %i[system exec fork spawn ` syscall trap], PROCESSES)
    refuse(Kernel, %i[set_trace_func trace_var untrace_var], INSIDE)
    refuse(Process.singleton_class, %i[fork spawn exec daemon kill wait wait2 waitpid waitpid2
                                       waitall detach setrlimit setproctitle], PROCESSES)
    refuse(Thread.singleton_class, %i[new start fork], PROCESSES)
    refuse(Ractor.singleton_class, %i[new], PROCESSES)
    refuse(Signal.singleton_class, %i[trap], PROCESSES)
    refuse(TracePoint.singleton_class, %i[new trace], INSIDE)
    refuse(ObjectSpace.singleton_class, %i[each_object define_finalizer undefine_finalizer
                                           _id2ref], INSIDE)
    refuse(GC.singleton_class, %i[compact auto_compact= verify_compaction_references stress=],
           INSIDE)
    refuse(Class, %i[subclasses], INSIDE)
    refuse(Symbol.singleton_class, %i[all_symbols], INSIDE)

    # Part of Ruby, of the prelude, or of .NET; what only changed the interpreter is granted, too.
    GIVEN = %w[rubygems English thread enumerator rational complex fiber ripper timeout net/http
               net/https net/protocol open-uri uri openssl md5 sha1 digest/md5 parsedate ftools jcode
               iconv kconv mscorlib rexml/rexml].freeze

    def self.provided?(feature)
      name = feature.to_s.delete_suffix('.rb').delete_suffix('.so').delete_suffix('.dll')
      return true if GIVEN.include?(name) || name.match?(/\A(?:System|Microsoft|SIPSorcery|IronRuby)\b/)

      $LOADED_FEATURES.any? { |path| path.end_with?("/#{name}.rb", "/#{name}.so") }
    end
  end
end

module Kernel
  private

  def require(feature)
    return false if Tandem::Guard.provided?(feature)

    raise LoadError, "cannot load #{feature}: dialplans may use json, time, date, set, digest, " \
                     'base64, uri, net/http, open-uri, timeout, stringio, strscan, ostruct, forwardable, ' \
                     'bigdecimal, erb, yaml, securerandom, and the System:: names that they know'
  end

  def require_relative(feature)
    raise LoadError, "cannot load #{feature}: a dialplan is one text, without files"
  end

  def load(feature, _wrap = false) = require_relative(feature)

  # IronRuby's
  def load_assembly(name, *) = require(name)

  # Pages can be opened; files cannot.
  def open(name, *)
    raise SecurityError, "open: #{Tandem::Guard::FILES}" unless name.to_s.match?(%r{\Ahttps?://}i)

    Tandem.page(name) { |io| block_given? ? yield(io) : io }
  end

  # Blocks run when the script ends, the last one first.
  def at_exit(&block)
    TandemRun.at_exit(block)
    block
  end
end

Kernel.singleton_class.define_method(:require) { |feature| Object.new.send(:require, feature) }
Object.send(:remove_const, :TOPLEVEL_BINDING)

class ERB
  def new_toplevel(_names = nil) = Object.new.instance_eval { binding }
end
