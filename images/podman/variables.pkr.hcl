variable "base" {
  type        = string
  description = "The image that it is made from."
}

variable "repository" {
  type        = string
  description = "The name of the image."
}

variable "tag" {
  type        = string
  description = "The tag of the image."
}

variable "run_options" {
  type        = list(string)
  default     = []
  description = "Options of podman run for the container in which it is made."
}

variable "changes" {
  type        = list(string)
  default     = []
  description = "Instructions that are written into the image, such as labels."
}

variable "host" {
  type        = string
  description = "The inventory name of the host that is made into the image."
}

variable "groups" {
  type        = list(string)
  description = "The inventory groups of that host: the service that it is for."
}

variable "play" {
  type        = string
  default     = "provision.yml"
  description = "What is applied to it: a playbook in the folder above."
}

variable "ansible_playbook" {
  type        = string
  default     = "ansible-playbook"
  description = "The ansible-playbook to run."
}

variable "ansible_arguments" {
  type        = list(string)
  default     = []
  description = "Its further arguments: the inventories, and the file with what to bring in."
}
